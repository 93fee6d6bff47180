using System.Numerics;
using System.Runtime.Intrinsics;

namespace Culvert.Core;

/// <summary>A set of numbers from 0 to 255: of bytes, or of positions of an expression. A value.</summary>
/// <param name="Words">It, 64 numbers to a word.</param>
internal readonly record struct Bits256(Vector256<ulong> Words)
{
    /// <summary>How many numbers there are.</summary>
    internal const int Count = 256;

    /// <summary>The empty set.</summary>
    internal static Bits256 None => default;

    /// <summary>Every number.</summary>
    internal static Bits256 All => new(Vector256<ulong>.AllBitsSet);

    /// <summary>Whether it is empty.</summary>
    internal bool IsEmpty => Words == Vector256<ulong>.Zero;

    public static Bits256 operator |(Bits256 a, Bits256 b) => new(a.Words | b.Words);

    public static Bits256 operator &(Bits256 a, Bits256 b) => new(a.Words & b.Words);

    public static Bits256 operator ~(Bits256 a) => new(~a.Words);

    /// <summary>Whether it has a number.</summary>
    internal bool Has(int number) => (Words.GetElement(number >> 6) >> number & 1) != 0;

    /// <summary>It and one more.</summary>
    internal Bits256 With(int number) => new(Words.WithElement(number >> 6, Words.GetElement(number >> 6) | (1UL << number)));

    /// <summary>It and those of a range, both ends included.</summary>
    internal Bits256 With(int first, int last)
    {
        Bits256 all = this;
        for (int i = first; i <= last; i++) all = all.With(i);
        return all;
    }

    /// <summary>The least number from one on; -1: there is none.</summary>
    internal int Next(int from)
    {
        for (int i = from >> 6; i < Count / 64; i++)
        {
            ulong word = Words.GetElement(i) & (i == from >> 6 ? ulong.MaxValue << from : ulong.MaxValue);
            if (word != 0) return (i << 6) + BitOperations.TrailingZeroCount(word);
        }

        return -1;
    }
}
