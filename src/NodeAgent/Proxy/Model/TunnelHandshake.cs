using Culvert.Core;
using Culvert.Interop.Sockets;

namespace Culvert.NodeAgent.Proxy.Model;

/// <summary>The outcome of one TLS handshake between proxies.</summary>
/// <param name="IsServer">Whether this side accepted.</param>
/// <param name="Peer">The other side's address.</param>
/// <param name="Local">The identity presented here.</param>
/// <param name="PeerIdentity">The identity the peer has proven; null when it failed.</param>
/// <param name="Failure">None when it succeeded.</param>
/// <param name="Detail">The reason in OpenSSL's or our words.</param>
/// <param name="Duration">From the connection's start.</param>
/// <param name="TlsGroup">The key exchange group, as TLS names it; null where none was agreed on.</param>
/// <param name="Suppressed">Failures of the same peer not reported one by one since the last report.</param>
internal readonly record struct TunnelHandshake(
    bool IsServer, SocketEndPoint Peer, SpiffeId? Local, SpiffeId? PeerIdentity, ProxyFailure Failure, string? Detail, TimeSpan Duration, string? TlsGroup, int Suppressed);
