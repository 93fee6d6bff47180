using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace Culvert.Core;

/// <summary>An IPv4 or IPv6 prefix (CIDR). Bits beyond the length are always zero.</summary>
/// <remarks>An IPv4 prefix never contains an IPv6 address; IPv4-mapped IPv6 addresses count as IPv4.</remarks>
public readonly struct IpPrefix : IEquatable<IpPrefix>, IComparable<IpPrefix>
{
    private readonly UInt128 _bits;
    private readonly byte _length;

    /// <summary>The prefix of <paramref name="length"/> bits that contains <paramref name="address"/>; further bits are cleared.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The length is not within 0..32 (IPv4) or 0..128 (IPv6).</exception>
    public IpPrefix(IPAddress address, int length)
    {
        (UInt128 bits, IsIPv6) = ToBits(address);
        ArgumentOutOfRangeException.ThrowIfNegative(length);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(length, IsIPv6 ? 128 : 32);
        _length = (byte)length;
        _bits = bits & Mask(length, IsIPv6);
    }

    private IpPrefix(UInt128 bits, byte length, bool isIPv6) => (_bits, _length, IsIPv6) = (bits, length, isIPv6);

    /// <summary>True for an IPv6 prefix, false for an IPv4 one.</summary>
    public bool IsIPv6 { get; }

    /// <summary>Prefix length in bits: 0..32 or 0..128.</summary>
    public int Length => _length;

    /// <summary>The length of a whole address of this family: 32 or 128.</summary>
    public int MaxLength => IsIPv6 ? 128 : 32;

    /// <summary>The first address of the prefix.</summary>
    public IPAddress Address
    {
        get
        {
            Span<byte> bytes = stackalloc byte[16];
            return new IPAddress(bytes[..WriteBytes(bytes)]);
        }
    }

    /// <summary>The prefix that holds one address only.</summary>
    public static IpPrefix Host(IPAddress address) =>
        new(address, address.AddressFamily == AddressFamily.InterNetwork || address.IsIPv4MappedToIPv6 ? 32 : 128);

    /// <summary>The prefix that holds one address only.</summary>
    /// <param name="high">The first eight bytes of the IPv6 address, as a big-endian number.</param>
    /// <param name="low">The last eight bytes; an IPv4 address is given in its mapped form, ::ffff:a.b.c.d.</param>
    public static IpPrefix Host(ulong high, ulong low) =>
        high == 0 && low >> 32 == 0xFFFF ? new IpPrefix((uint)low, 32, isIPv6: false) : new IpPrefix(new UInt128(high, low), 128, isIPv6: true);

    /// <summary>Parses <c>address/length</c> or a single address.</summary>
    /// <exception cref="FormatException">The text is not a prefix; the message says why.</exception>
    public static IpPrefix Parse(string text) =>
        TryParse(text, out IpPrefix prefix, out string? error) ? prefix : throw new FormatException(error);

    /// <summary>Parses <c>address/length</c> or a single address.</summary>
    /// <param name="text">The text.</param>
    /// <param name="prefix">What it says.</param>
    /// <param name="error">Why it can't be read.</param>
    /// <param name="mask">Whether bits set beyond the length don't count; otherwise they are an error.</param>
    public static bool TryParse(string? text, out IpPrefix prefix, [NotNullWhen(false)] out string? error, bool mask = false)
    {
        prefix = default;
        error = null;
        string[] parts = (text ?? "").Split('/');
        if (parts.Length > 2 || !TryParseAddress(parts[0], out IPAddress? address))
        {
            error = $"'{text}' is not an IP address or prefix";
            return false;
        }
        IpPrefix host = Host(address);
        int length = host.MaxLength;
        if (parts.Length == 2 && (!int.TryParse(parts[1], NumberStyles.None, CultureInfo.InvariantCulture, out length) || length > host.MaxLength))
        {
            error = $"'{text}' has a prefix length that is not within 0..{host.MaxLength}";
            return false;
        }
        prefix = new IpPrefix(address, length);
        if (mask || prefix._bits == host._bits) return true;
        error = $"'{text}' has bits set beyond its length; write {prefix}";
        return false;
    }

    /// <summary>Parses an address strictly: four decimal parts, or IPv6 without scope; no shorthand such as <c>10.1</c>.</summary>
    public static bool TryParseAddress(string? text, [NotNullWhen(true)] out IPAddress? address)
    {
        address = null;
        if (string.IsNullOrEmpty(text) || text.Contains('%', StringComparison.Ordinal) || text.Contains('[', StringComparison.Ordinal)) return false;
        if (!IPAddress.TryParse(text, out IPAddress? parsed)) return false;
        if (parsed.AddressFamily == AddressFamily.InterNetwork && parsed.ToString() != text) return false;
        address = parsed.IsIPv4MappedToIPv6 ? parsed.MapToIPv4() : parsed;
        return true;
    }

    /// <summary>Whether the address lies within this prefix.</summary>
    public bool Contains(IPAddress address)
    {
        (UInt128 bits, bool v6) = ToBits(address);
        return v6 == IsIPv6 && (bits & Mask(_length, v6)) == _bits;
    }

    /// <summary>Whether every address of <paramref name="other"/> lies within this prefix; true for itself.</summary>
    public bool Contains(IpPrefix other) =>
        other.IsIPv6 == IsIPv6 && other._length >= _length && (other._bits & Mask(_length, IsIPv6)) == _bits;

    /// <summary>The prefix of <paramref name="length"/> bits that holds this one.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The length exceeds this prefix's.</exception>
    public IpPrefix Shorten(int length)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(length, _length);
        return new IpPrefix(Address, length);
    }

    /// <summary>Writes the first address in network order and returns how many bytes: 4 or 16.</summary>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="destination"/> is too short.</exception>
    public int WriteBytes(Span<byte> destination)
    {
        if (IsIPv6)
        {
            BinaryPrimitives.WriteUInt128BigEndian(destination, _bits);
            return 16;
        }
        BinaryPrimitives.WriteUInt32BigEndian(destination, (uint)_bits);
        return 4;
    }

    /// <summary>IPv4 before IPv6, then by first address, then shorter first.</summary>
    public int CompareTo(IpPrefix other)
    {
        int order = IsIPv6.CompareTo(other.IsIPv6);
        if (order == 0) order = _bits.CompareTo(other._bits);
        return order != 0 ? order : _length.CompareTo(other._length);
    }

    /// <inheritdoc/>
    public bool Equals(IpPrefix other) => _bits == other._bits && _length == other._length && IsIPv6 == other.IsIPv6;

    /// <inheritdoc/>
    public override bool Equals(object? obj) => obj is IpPrefix other && Equals(other);

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(_bits, _length, IsIPv6);

    /// <summary>The usual text form, always with a length.</summary>
    public override string ToString() => $"{Address}/{_length}";

    /// <summary>Equality.</summary>
    public static bool operator ==(IpPrefix left, IpPrefix right) => left.Equals(right);

    /// <summary>Inequality.</summary>
    public static bool operator !=(IpPrefix left, IpPrefix right) => !left.Equals(right);

    private static UInt128 Mask(int length, bool v6) =>
        length == 0 ? UInt128.Zero : v6 ? UInt128.MaxValue << (128 - length) : uint.MaxValue << (32 - length);

    private static (UInt128 Bits, bool V6) ToBits(IPAddress address)
    {
        ArgumentNullException.ThrowIfNull(address);
        Span<byte> bytes = stackalloc byte[16];
        address.TryWriteBytes(bytes, out int written);
        if (written == 4) return (BinaryPrimitives.ReadUInt32BigEndian(bytes), false);
        if (address.IsIPv4MappedToIPv6) return (BinaryPrimitives.ReadUInt32BigEndian(bytes[12..]), false);
        return (BinaryPrimitives.ReadUInt128BigEndian(bytes), true);
    }
}
