using Culvert.Core;
using Culvert.Interop.Sockets;
using Culvert.NodeAgent.Proxy.Loop;

namespace Culvert.NodeAgent.Proxy.Tunnel;

/// <summary>
/// Tells the observer of every handshake, and asks it to log failures once per peer address and interval. Bounded: the table is
/// emptied when it is full. Belongs to one loop.
/// </summary>
/// <param name="loop">The loop.</param>
/// <param name="observer">Who hears of it.</param>
/// <param name="interval">Between two log lines on one peer.</param>
internal sealed class HandshakeReporter(EventLoop loop, IProxyObserver observer, TimeSpan interval)
{
    private const int MaxPeers = 4096;
    private readonly Dictionary<SocketEndPoint, (long Since, int Suppressed)> _failures = [];

    internal void Report(
        bool isServer, in SocketEndPoint peer, SpiffeId? local, SpiffeId? peerIdentity, ProxyFailure failure, string? detail, TimeSpan duration)
    {
        bool log = false;
        int suppressed = 0;
        if (failure != ProxyFailure.None)
        {
            SocketEndPoint key = peer.WithPort(0);
            long now = loop.NowMilliseconds;
            bool known = _failures.TryGetValue(key, out (long Since, int Suppressed) last);
            log = !known || now - last.Since >= interval.TotalMilliseconds;
            suppressed = last.Suppressed;
            if (!known && _failures.Count >= MaxPeers) _failures.Clear();
            _failures[key] = log ? (now, 0) : (last.Since, last.Suppressed + 1);
        }

        observer.OnHandshake(new TunnelHandshake(isServer, peer, local, peerIdentity, failure, detail, duration, suppressed), log);
    }
}
