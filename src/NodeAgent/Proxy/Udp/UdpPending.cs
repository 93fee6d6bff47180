namespace Culvert.NodeAgent.Proxy.Udp;

/// <summary>Datagrams that came while the way was being made. Bounded.</summary>
internal sealed class UdpPending
{
    private const int MaxDatagrams = 512;
    private const int MaxBytes = 128 * 1024;
    private int _bytes;

    /// <summary>What waits, in order.</summary>
    internal List<byte[]> Payloads { get; } = [];

    /// <summary>Copies a datagram; false when enough wait.</summary>
    internal bool TryAdd(ReadOnlySpan<byte> payload)
    {
        if (Payloads.Count == MaxDatagrams || _bytes + payload.Length > MaxBytes) return false;
        Payloads.Add(payload.ToArray());
        _bytes += payload.Length;
        return true;
    }
}
