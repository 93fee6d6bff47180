using Culvert.Core;
using Culvert.Interop.Sockets;

namespace Culvert.NodeAgent.Proxy.Tunnel;

/// <summary>Connections may share a tunnel when all of this is equal: identities are never mixed on one.</summary>
/// <param name="Source">Who opens it.</param>
/// <param name="Dial">The destination workload's address and the tunnel port.</param>
/// <param name="Expected">Who has to answer.</param>
internal readonly record struct TunnelKey(SpiffeId Source, SocketEndPoint Dial, SpiffeId Expected)
{
    /// <summary>Whether for datagrams: those have tunnels of their own, so that they do not wait behind bytes of TCP.</summary>
    internal bool IsForDatagrams { get; init; }
}
