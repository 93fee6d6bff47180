using Culvert.Interop.Sockets;

namespace Culvert.NodeAgent.Proxy.Tunnel;

/// <summary>Whether the path of one tunnel loses packets, in either direction, by what its socket had to repeat. Belongs to its loop's thread.</summary>
internal sealed class LossWatch
{
    // Fewer say nothing: a single repetition may be a probe of the kernel's for the end of what was sent (RFC 8985, section 7).
    private const uint LeastSegments = 100;

    // One in so many. A network that is well loses far less, and datagrams wait for each other often enough to be noticed.
    private const uint Lossy = 50;

    // How long a path counts as lossy after it was found to be.
    private const long MemoryMilliseconds = 60_000;

    private SegmentCounts _before;
    private long _until;

    /// <summary>Takes what the socket has counted until now.</summary>
    /// <param name="counts">Since the connection was made.</param>
    /// <param name="now">The loop's time in milliseconds.</param>
    /// <returns>Whether packets are being lost, or were a short while ago.</returns>
    internal bool Look(in SegmentCounts counts, long now)
    {
        uint sent = unchecked(counts.Sent - _before.Sent), received = unchecked(counts.Received - _before.Received);
        if (sent >= LeastSegments || received >= LeastSegments)
        {
            uint repeated = unchecked(counts.Repeated - _before.Repeated), late = unchecked(counts.OutOfOrder - _before.OutOfOrder);
            if ((ulong)repeated * Lossy >= Math.Max(sent, LeastSegments) || (ulong)late * Lossy >= Math.Max(received, LeastSegments)) _until = now + MemoryMilliseconds;
            _before = counts;
        }

        return now < _until;
    }
}
