using System.Globalization;

namespace Culvert.Core;

/// <summary>Ports that begin with the same bits, as an entry of the policy table has them: one port (16 bits), or all of them (0).</summary>
/// <param name="Value">The first of them.</param>
/// <param name="Length">How many bits they have in common, 0..16.</param>
public readonly record struct PortPrefix(ushort Value, byte Length) : IComparable<PortPrefix>
{
    /// <summary>Bits of a port.</summary>
    public const byte Bits = 16;

    /// <summary>Every port.</summary>
    public static PortPrefix Any => default;

    /// <summary>One port.</summary>
    public static PortPrefix Exactly(ushort port) => new(port, Bits);

    /// <summary>The prefix of a length that a port is in.</summary>
    public static PortPrefix Of(ushort port, byte length) => new((ushort)(port & Mask(length)), length);

    /// <summary>Whether a port is one of them.</summary>
    public bool Contains(ushort port) => (port & Mask(Length)) == Value;

    /// <summary>The fewest prefixes that make up a range, in order; at most 30.</summary>
    /// <param name="first">The first port of the range.</param>
    /// <param name="last">The last one, not below <paramref name="first"/>.</param>
    public static IEnumerable<PortPrefix> Cover(ushort first, ushort last)
    {
        int next = first;
        while (next <= last)
        {
            int size = next == 0 ? 1 << Bits : next & -next;
            while (next + size - 1 > last) size >>= 1;
            yield return new((ushort)next, (byte)(Bits - int.Log2(size)));
            next += size;
        }
    }

    /// <summary>By the first port, wider ones first.</summary>
    public int CompareTo(PortPrefix other)
    {
        int order = Value.CompareTo(other.Value);
        return order != 0 ? order : Length.CompareTo(other.Length);
    }

    /// <inheritdoc/>
    public override string ToString() => Length == Bits ? Value.ToString(CultureInfo.InvariantCulture) : string.Create(CultureInfo.InvariantCulture, $"{Value}/{Length}");

    private static int Mask(byte length) => -1 << (Bits - length);
}
