namespace Culvert.NodeAgent.Telemetry.Tracing;

/// <summary>Numbers as hexadecimal digits in lower case, which ids of traces have. Allocates nothing.</summary>
internal static class Hex
{
    /// <summary>Reads up to 16 digits.</summary>
    /// <returns>False when there are none, more, or other characters.</returns>
    internal static bool TryRead(ReadOnlySpan<byte> text, out ulong value)
    {
        value = 0;
        if (text.Length is 0 or > 16) return false;
        foreach (byte b in text)
        {
            int digit = b switch { >= (byte)'0' and <= (byte)'9' => b - '0', >= (byte)'a' and <= (byte)'f' => b - 'a' + 10, _ => -1 };
            if (digit < 0) return false;
            value = (value << 4) | (uint)digit;
        }

        return true;
    }

    /// <summary>Writes as many digits as there is room for, the last ones of the number.</summary>
    internal static void Write(ulong value, Span<byte> to)
    {
        for (int i = to.Length - 1; i >= 0; i--, value >>= 4) to[i] = "0123456789abcdef"u8[(int)(value & 15)];
    }
}
