namespace Culvert.Http2.Hpack;

/// <summary>Integers with a prefix of 1 to 8 bits (RFC 7541, section 5.1).</summary>
internal static class HpackInteger
{
    /// <summary>Longest encoding of a non-negative 32 bit number.</summary>
    public const int MaxLength = 6;

    /// <summary>Writes <paramref name="value"/>; <paramref name="pattern"/> holds the bits above the prefix. Returns the length.</summary>
    public static int Write(Span<byte> target, byte pattern, int prefixBits, int value)
    {
        var max = (1 << prefixBits) - 1;
        if (value < max)
        {
            target[0] = (byte)(pattern | value);
            return 1;
        }

        target[0] = (byte)(pattern | max);
        var rest = (uint)(value - max);
        var n = 1;
        for (; rest >= 0x80; rest >>= 7) target[n++] = (byte)(rest | 0x80);
        target[n++] = (byte)rest;
        return n;
    }

    /// <summary>Reads at <paramref name="position"/> and moves it. False for a cut-off number or one beyond 2^31-1.</summary>
    public static bool TryRead(ReadOnlySpan<byte> source, ref int position, int prefixBits, out int value)
    {
        value = 0;
        if (position >= source.Length) return false;
        var max = (1 << prefixBits) - 1;
        value = source[position++] & max;
        if (value < max) return true;
        long sum = value;
        for (var shift = 0; shift <= 28; shift += 7)
        {
            if (position >= source.Length) return false;
            var b = source[position++];
            sum += (long)(b & 0x7f) << shift;
            if (sum > int.MaxValue) return false;
            if ((b & 0x80) == 0)
            {
                value = (int)sum;
                return true;
            }
        }

        return false;
    }
}
