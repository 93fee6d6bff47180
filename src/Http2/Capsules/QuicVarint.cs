using System.Buffers.Binary;

namespace Culvert.Http2.Capsules;

/// <summary>Variable-length integers of QUIC (RFC 9000, section 16): 1, 2, 4 or 8 bytes, whose first two bits tell which.</summary>
public static class QuicVarint
{
    /// <summary>The largest number there is: 2^62 - 1.</summary>
    public const ulong MaxValue = (1UL << 62) - 1;

    /// <summary>Longest encoding in bytes.</summary>
    public const int MaxLength = 8;

    /// <summary>Bytes of the shortest encoding of <paramref name="value"/>, which is at most <see cref="MaxValue"/>.</summary>
    public static int LengthOf(ulong value)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(value, MaxValue);
        return value < 1 << 6 ? 1 : value < 1 << 14 ? 2 : value < 1 << 30 ? 4 : 8;
    }

    /// <summary>Bytes of the encoding that begins with <paramref name="first"/>.</summary>
    public static int LengthFrom(byte first) => 1 << (first >> 6);

    /// <summary>Writes <paramref name="value"/> as shortly as possible; returns the length.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The value is above <see cref="MaxValue"/>, or the target is too short.</exception>
    public static int Write(Span<byte> target, ulong value)
    {
        var length = LengthOf(value);
        switch (length)
        {
            case 1:
                target[0] = (byte)value;
                break;
            case 2:
                BinaryPrimitives.WriteUInt16BigEndian(target, (ushort)(value | 0x4000));
                break;
            case 4:
                BinaryPrimitives.WriteUInt32BigEndian(target, (uint)value | 0x8000_0000);
                break;
            default:
                BinaryPrimitives.WriteUInt64BigEndian(target, value | 0xC000_0000_0000_0000);
                break;
        }

        return length;
    }

    /// <summary>
    /// Reads a number from the start of <paramref name="source"/>; encodings longer than needed are valid. False, with a length of 0, when it is cut off.
    /// </summary>
    public static bool TryRead(ReadOnlySpan<byte> source, out ulong value, out int length)
    {
        value = 0;
        length = 0;
        if (source.IsEmpty) return false;
        var needed = LengthFrom(source[0]);
        if (source.Length < needed) return false;
        length = needed;
        value = needed switch
        {
            1 => source[0],
            2 => BinaryPrimitives.ReadUInt16BigEndian(source) & 0x3FFFu,
            4 => BinaryPrimitives.ReadUInt32BigEndian(source) & 0x3FFF_FFFFu,
            _ => BinaryPrimitives.ReadUInt64BigEndian(source) & MaxValue,
        };
        return true;
    }
}
