using Culvert.Core;
using Culvert.Interop.Sockets;
using Culvert.NodeAgent.Proxy.Model;

namespace Culvert.NodeAgent.Proxy.Tunnel;

/// <summary>Tells the observer of every handshake, and asks it to log failures as <see cref="LogThrottle{TKey}"/> says.</summary>
/// <param name="observer">Who hears of it.</param>
/// <param name="failures">Which failures are logged.</param>
internal sealed class HandshakeReporter(IProxyObserver observer, LogThrottle<SocketEndPoint> failures)
{
    internal void Report(
        bool isServer, in SocketEndPoint peer, SpiffeId? local, SpiffeId? peerIdentity, ProxyFailure failure, string? detail, TimeSpan duration, string? tlsGroup = null)
    {
        ThrottledLine line = failure == ProxyFailure.None ? default : failures.Next(peer.WithPort(0));
        if (line.IsLast) detail += "; many peers fail: until this interval is over further failures are only counted";
        observer.OnHandshake(new TunnelHandshake(isServer, peer, local, peerIdentity, failure, detail, duration, tlsGroup, line.Suppressed), line.Log);
    }

    /// <summary>Tells that the peer refused this side after its own part of the handshake had succeeded.</summary>
    /// <param name="parts">The connection.</param>
    /// <param name="reason">What ended it.</param>
    internal void ReportRefusal(TunnelParts parts, string reason) =>
        Report(isServer: false, parts.Peer, parts.Identity.Id, parts.PeerIdentity, ProxyFailure.TlsHandshake, $"refused by the peer: {reason}", TimeSpan.Zero, parts.TlsGroup);

    /// <summary>Tells that the peer of a tunnel may not be believed any more.</summary>
    internal void ReportDistrust(TunnelParts parts, bool isServer, ProxyFailure doubt) =>
        Report(isServer, parts.Peer, parts.Identity.Id, parts.PeerIdentity, doubt, PeerTrust.Describe(doubt), TimeSpan.Zero, parts.TlsGroup);

    /// <summary>Tells that a tunnel is of no use for UDP.</summary>
    internal void ReportWithoutUdp(TunnelParts parts) => observer.OnTunnelWithoutUdp(parts.Peer, parts.PeerIdentity);
}
