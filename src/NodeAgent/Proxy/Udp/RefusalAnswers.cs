using Culvert.Interop.Sockets;
using Culvert.NodeAgent.Proxy.Loop;

namespace Culvert.NodeAgent.Proxy.Udp;

/// <summary>
/// Tells the client of a refused session that its datagrams reach nobody (ICMP port unreachable), as the kernel's programs do for the same reason. Every datagram is
/// answered, up to a bound per session. Belongs to its loop's thread.
/// </summary>
/// <param name="loop">The loop, for its clock.</param>
/// <param name="unreachable">Sends the messages.</param>
/// <param name="key">Client and destination.</param>
/// <param name="backend">What the datagrams are addressed to on this node, where that is not the destination.</param>
internal sealed class RefusalAnswers(EventLoop loop, PortUnreachableReporter unreachable, UdpSessionKey key, SocketEndPoint? backend)
{
    /// <summary>Most messages of one session in one interval: the burst that Linux allows itself (<c>net.ipv4.icmp_msgs_burst</c>).</summary>
    internal const int MaxPerInterval = 50;

    /// <summary>Milliseconds after which as many may be sent again.</summary>
    internal const long IntervalMilliseconds = 1000;

    private long _since;
    private int _sent;

    /// <summary>Answers one datagram, unless enough were answered.</summary>
    internal void Answer()
    {
        if (TryTake(loop.NowMilliseconds)) unreachable.Tell(key, backend);
    }

    /// <summary>Whether one more may be sent now.</summary>
    /// <param name="now">The time in milliseconds; it does not go back.</param>
    internal bool TryTake(long now)
    {
        if (_sent == 0 || now - _since >= IntervalMilliseconds) (_since, _sent) = (now, 0);
        if (_sent == MaxPerInterval) return false;
        _sent++;
        return true;
    }
}
