namespace Culvert.NodeAgent.Proxy.Udp;

/// <summary>
/// Datagrams that came while the path was being made. Bounded, and less the more wait on this loop, so that many sessions that open leave room for another's first.
/// </summary>
/// <param name="io">Counts what waits on the loop.</param>
internal sealed class UdpPending(UdpIo io)
{
    private const int MaxDatagrams = 512;
    private const int MaxBytes = 128 * 1024;
    private const long MaxBytesOfLoop = 32 << 20;

    // A session may hold so small a part of what is free.
    private const int PartOfFree = 64;
    private int _bytes;

    /// <summary>What waits, in order.</summary>
    internal List<byte[]> Payloads { get; } = [];

    /// <summary>Copies a datagram; false when enough wait.</summary>
    internal bool TryAdd(ReadOnlySpan<byte> payload)
    {
        long most = Math.Min(MaxBytes, (MaxBytesOfLoop - io.PendingBytes) / PartOfFree);
        if (Payloads.Count == MaxDatagrams || _bytes + payload.Length > most) return false;
        Payloads.Add(payload.ToArray());
        _bytes += payload.Length;
        io.PendingBytes += payload.Length;
        return true;
    }

    /// <summary>They are on their way, or dropped.</summary>
    internal void Clear()
    {
        io.PendingBytes -= _bytes;
        _bytes = 0;
        Payloads.Clear();
    }
}
