using Culvert.Interop.Sockets;

namespace Culvert.NodeAgent.Proxy.Tunnel;

/// <summary>
/// What the sockets of tunnels that carry datagrams have in common. UDP knows no congestion control: a link that loses packets at random must not make these tunnels
/// slow, as it makes those whose loss counts as congestion.
/// </summary>
internal static class DatagramPath
{
    /// <summary>Most bytes that wait unsent in the kernel where the path is slow. What waits there can't be dropped any more.</summary>
    internal const int UnsentBytes = 16 * 1024;

    // A retransmission that was lost itself is repeated after this, and not after the 200 ms that are usual. Above the 40 ms for which Linux delays acknowledgements.
    private static readonly TimeSpan LeastRetransmissionTimeout = TimeSpan.FromMilliseconds(50);

    // Asking for an algorithm that is missing makes the kernel look for its module, each time.
    private static int _withoutBbr;

    /// <summary>
    /// Tunes a connected socket. A kernel without one of the options keeps its default for it: datagrams get through more slowly, when packets are lost.
    /// </summary>
    internal static void Tune(SocketHandle socket)
    {
        _ = socket.SetThinLinearTimeouts();
        _ = socket.SetLeastRetransmissionTimeout(LeastRetransmissionTimeout);
        if (Volatile.Read(ref _withoutBbr) == 0 && socket.SetCongestionControl("bbr"u8) != SocketErrno.None) Volatile.Write(ref _withoutBbr, 1);
    }
}
