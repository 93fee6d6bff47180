using System.Buffers.Binary;

namespace Culvert.Http2.Hpack;

/// <summary>
/// The Huffman code of RFC 7541, appendix B. It is canonical (within a length, codes follow the symbols' order), so code lengths define it.
/// </summary>
internal static class Huffman
{
    private const int EndOfString = 256;
    private const int MaxBits = 30;
    private const int FastBits = 11;

    private static ReadOnlySpan<byte> Lengths =>
    [
        13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 28,
        6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6, 5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 7, 8, 15, 6, 12, 10,
        13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19, 13, 14, 6,
        15, 5, 6, 5, 6, 5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5, 6, 7, 6, 5, 5, 6, 7, 7, 7, 7, 7, 15, 11, 14, 13, 28,
        20, 22, 20, 20, 22, 22, 22, 23, 22, 23, 23, 23, 23, 23, 24, 23, 24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24,
        22, 21, 20, 22, 22, 23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23, 21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23,
        26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25, 19, 21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26, 28, 27, 27, 27,
        20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25, 24, 24, 26, 23, 26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27, 26,
        30,
    ];

    private static readonly uint[] Codes = new uint[257];

    // By the next 11 bits: symbol << 8 | length; 0 when the code is longer.
    private static readonly ushort[] Fast = new ushort[1 << FastBits];

    // Per length: the first code beyond that length (left aligned in 32 bits), and how to get from code to the rank of its symbol.
    private static readonly ulong[] Limit = new ulong[MaxBits + 1];
    private static readonly int[] RankOffset = new int[MaxBits + 1];
    private static readonly short[] ByRank = new short[257];

    static Huffman()
    {
        uint code = 0;
        var rank = 0;
        for (var length = 1; length <= MaxBits; length++)
        {
            code <<= 1;
            RankOffset[length] = rank - (int)code;
            for (var symbol = 0; symbol < Lengths.Length; symbol++)
            {
                if (Lengths[symbol] != length) continue;
                Codes[symbol] = code;
                ByRank[rank++] = (short)symbol;
                if (length <= FastBits)
                {
                    var spare = FastBits - length;
                    Fast.AsSpan((int)(code << spare), 1 << spare).Fill((ushort)((symbol << 8) | length));
                }

                code++;
            }

            Limit[length] = (ulong)code << (32 - length);
        }
    }

    /// <summary>Bytes that <paramref name="text"/> takes when encoded.</summary>
    public static int EncodedLength(ReadOnlySpan<byte> text)
    {
        long bits = 0;
        var lengths = Lengths;
        foreach (var b in text) bits += lengths[b];
        return (int)((bits + 7) >> 3);
    }

    /// <summary>Largest number of bytes that <paramref name="encoded"/> bytes can decode to: the shortest code has 5 bits.</summary>
    public static int MaxDecodedLength(int encoded) => (int)(((long)encoded * 8) / 5);

    /// <summary>Encodes; <paramref name="target"/> must hold <see cref="EncodedLength"/> bytes. Returns the length.</summary>
    public static int Encode(ReadOnlySpan<byte> text, Span<byte> target)
    {
        ulong pending = 0;
        var bits = 0;
        var n = 0;
        var lengths = Lengths;
        foreach (var b in text)
        {
            int length = lengths[b];
            pending = (pending << length) | Codes[b];
            bits += length;
            if (bits >= 32)
            {
                bits -= 32;
                BinaryPrimitives.WriteUInt32BigEndian(target[n..], (uint)(pending >> bits));
                n += 4;
            }
        }

        for (; bits >= 8; bits -= 8) target[n++] = (byte)(pending >> (bits - 8));
        if (bits > 0) target[n++] = (byte)((pending << (8 - bits)) | (0xffu >> bits));
        return n;
    }

    /// <summary>
    /// Decodes into <paramref name="target"/>, which must hold <see cref="MaxDecodedLength"/> bytes. Returns the length, or -1 when the text holds EOS
    /// or the padding is longer than 7 bits or not all ones (RFC 7541, section 5.2).
    /// </summary>
    public static int Decode(ReadOnlySpan<byte> source, Span<byte> target)
    {
        // The bits not yet decoded are the top `bits` bits of `window`; below them all ones, as padding is.
        var window = ulong.MaxValue;
        var bits = 0;
        var position = 0;
        var n = 0;
        while (true)
        {
            while (bits <= 32 && position + 4 <= source.Length)
            {
                var word = BinaryPrimitives.ReadUInt32BigEndian(source[position..]);
                window = Insert(window, word, bits, 32);
                bits += 32;
                position += 4;
            }

            while (bits <= 56 && position < source.Length)
            {
                window = Insert(window, source[position++], bits, 8);
                bits += 8;
            }

            if (bits == 0) return n;
            var entry = Fast[(int)(window >> (64 - FastBits))];
            var length = entry & 0xff;
            var symbol = entry >> 8;
            if (length == 0) (symbol, length) = Slow((uint)(window >> 32));
            if (length > bits || symbol == EndOfString)
            {
                // What is left must be padding: at most 7 bits, all ones.
                return position == source.Length && bits <= 7 && window == ulong.MaxValue ? n : -1;
            }

            target[n++] = (byte)symbol;
            window = (window << length) | ((1UL << length) - 1);
            bits -= length;
        }
    }

    private static ulong Insert(ulong window, ulong value, int bits, int count)
    {
        var shift = 64 - bits - count;
        var mask = ((1UL << count) - 1) << shift;
        return (window & ~mask) | (value << shift);
    }

    private static (int Symbol, int Length) Slow(uint window)
    {
        for (var length = FastBits + 1; length < MaxBits; length++)
        {
            if (window < Limit[length]) return (ByRank[(int)(window >> (32 - length)) + RankOffset[length]], length);
        }

        return (ByRank[(int)(window >> (32 - MaxBits)) + RankOffset[MaxBits]], MaxBits);
    }
}
