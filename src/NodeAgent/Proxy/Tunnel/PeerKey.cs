using Culvert.Core;
using Culvert.Interop.Sockets;

namespace Culvert.NodeAgent.Proxy.Tunnel;

/// <summary>Who proves what to whom. A proof made from one address says nothing about who speaks from another.</summary>
/// <param name="Peer">The peer's address; its port is 0.</param>
/// <param name="PeerIdentity">The identity that the peer proves.</param>
/// <param name="Own">The identity that it is proven to.</param>
/// <param name="IsServer">Whether this side accepted.</param>
internal readonly record struct PeerKey(SocketEndPoint Peer, SpiffeId PeerIdentity, SpiffeId Own, bool IsServer);
