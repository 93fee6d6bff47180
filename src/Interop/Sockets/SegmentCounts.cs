namespace Culvert.Interop.Sockets;

/// <summary>What a connected TCP socket has sent and received since it was made, in segments that carry data (TCP_INFO). The counters wrap.</summary>
/// <param name="Sent">Sent, repetitions included.</param>
/// <param name="Repeated">Of these, sent again.</param>
/// <param name="Received">Received.</param>
/// <param name="OutOfOrder">Of these, received before one that was sent earlier; 0 before Linux 5.4.</param>
public readonly record struct SegmentCounts(uint Sent, uint Repeated, uint Received, uint OutOfOrder);
