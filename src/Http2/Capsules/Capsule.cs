namespace Culvert.Http2.Capsules;

/// <summary>Writing capsules (RFC 9297, section 3.2): type, length, value.</summary>
public static class Capsule
{
    /// <summary>Type of the DATAGRAM capsule (RFC 9297, section 3.5).</summary>
    public const ulong DatagramType = 0;

    /// <summary>Longest header in bytes: two variable-length integers.</summary>
    public const int MaxHeaderLength = 2 * QuicVarint.MaxLength;

    /// <summary>Writes the header of a capsule whose value of <paramref name="valueLength"/> bytes follows; returns the header's length.</summary>
    public static int WriteHeader(Span<byte> target, ulong type, int valueLength)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(valueLength);
        var length = QuicVarint.Write(target, type);
        return length + QuicVarint.Write(target[length..], (ulong)valueLength);
    }
}
