using Culvert.Core;
using Culvert.Interop.Sockets;
using Culvert.Interop.Tls;
using Culvert.NodeAgent.Proxy.Model;
using Culvert.NodeAgent.Proxy.Transport;

namespace Culvert.NodeAgent.Proxy.Tunnel;

/// <summary>A connection between two proxies whose handshake is done and whose peer has proven who it is.</summary>
/// <param name="Socket">The socket.</param>
/// <param name="Tls">TLS over it.</param>
/// <param name="Identity">What this side presented.</param>
/// <param name="PeerIdentity">What the peer has proven.</param>
/// <param name="Peer">The peer's address.</param>
/// <param name="Local">This side's address; on the server, the destination workload's.</param>
internal sealed record TunnelParts(
    LoopSocket Socket, TlsConnection Tls, TlsIdentity Identity, SpiffeId PeerIdentity, SocketEndPoint Peer, SocketEndPoint Local)
{
    /// <summary>The workload of this node that the tunnel leads to; null in the role of the client, where all workloads of <see cref="Identity"/> share tunnels.</summary>
    internal WorkloadInfo? Workload { get; init; }

    /// <summary>In the role of the server, where it arrived; null: in the node's own namespace.</summary>
    internal PodSpace? Space { get; init; }

    /// <summary>The key exchange group of the handshake, as TLS names it.</summary>
    internal string? TlsGroup { get; } = Tls.KeyExchangeGroup;

    /// <summary>Whether the peer may still be believed.</summary>
    internal required PeerTrust Trust { get; init; }
}
