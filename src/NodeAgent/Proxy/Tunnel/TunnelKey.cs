using Culvert.Core;
using Culvert.Interop.Sockets;
using Culvert.NodeAgent.Proxy.Model;

namespace Culvert.NodeAgent.Proxy.Tunnel;

/// <summary>Connections may share a tunnel when all of this is equal: identities are never mixed on one, nor are network namespaces.</summary>
/// <param name="Source">Who opens it.</param>
/// <param name="Dial">The destination workload's address and the tunnel port.</param>
/// <param name="Expected">Who has to answer.</param>
internal readonly record struct TunnelKey(SpiffeId Source, SocketEndPoint Dial, SpiffeId Expected)
{
    /// <summary>Whether for datagrams: those have tunnels of their own, so that they do not wait behind bytes of TCP.</summary>
    internal bool IsForDatagrams { get; init; }

    /// <summary>The address, without a port, that it is opened from: that of the workload which it is for; null: the node's.</summary>
    internal SocketEndPoint? From { get; init; }

    /// <summary>Where it is opened: the space of the workload which it is for; null: in the node's own namespace.</summary>
    internal PodSpace? Space { get; init; }

    /// <summary>The key of the tunnels for a connection or session of a workload.</summary>
    /// <param name="info">The connection, whose ends both have identities.</param>
    /// <param name="dial">The destination workload's address and the tunnel port.</param>
    /// <param name="source">From which addresses tunnels are opened.</param>
    internal static TunnelKey Of(ProxyConnectionInfo info, in SocketEndPoint dial, ITunnelSource source) => new(info.SourceIdentity!, dial, info.DestinationIdentity!)
    {
        From = (source.IsPod || info.SourceSpace is not null) && info.Source.IsIPv4 == dial.IsIPv4 ? info.Source.WithPort(0) : null,
        Space = info.SourceSpace,
    };
}
