using System.Buffers.Binary;
using System.Globalization;
using System.Net;
using System.Runtime.InteropServices;

namespace Culvert.Interop.Sockets;

/// <summary>
/// An IPv4 or IPv6 address and a port as one comparable value without allocations. IPv4 is held as ::ffff:a.b.c.d, so that
/// both families share one body everywhere.
/// </summary>
/// <param name="High">The first eight bytes of the address, as a big-endian number.</param>
/// <param name="Low">The last eight bytes of the address, as a big-endian number.</param>
/// <param name="Port">The port, in host order.</param>
[StructLayout(LayoutKind.Auto)]
public readonly record struct SocketEndPoint(ulong High, ulong Low, ushort Port) : ISpanFormattable, IUtf8SpanFormattable
{
    /// <summary>The longest text form in characters: "[ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255]:65535".</summary>
    public const int MaxTextLength = 54;

    private const ulong MappedPrefix = 0x0000_FFFF_0000_0000;

    /// <summary>Makes an end point from an address of the base class library.</summary>
    /// <param name="address">An IPv4 or IPv6 address; a scope id is dropped.</param>
    /// <param name="port">0 to 65535.</param>
    /// <exception cref="ArgumentOutOfRangeException">The port is out of range.</exception>
    public SocketEndPoint(IPAddress address, int port)
        : this(0, 0, checked((ushort)port))
    {
        ArgumentNullException.ThrowIfNull(address);
        Span<byte> bytes = stackalloc byte[16];
        if (!address.TryWriteBytes(bytes, out int written)) throw new ArgumentException("The address has no byte form.", nameof(address));
        (High, Low) = FromBytes(bytes[..written]);
    }

    /// <summary>Whether the address is IPv4.</summary>
    public bool IsIPv4 => High == 0 && (Low & 0xFFFF_FFFF_0000_0000) == MappedPrefix;

    /// <summary>Whether the address is 0.0.0.0 or ::.</summary>
    public bool IsUnspecified => High == 0 && (Low == 0 || Low == MappedPrefix);

    /// <summary>Makes an end point from 4 or 16 address bytes in network order.</summary>
    /// <param name="address">4 or 16 bytes.</param>
    /// <param name="port">The port.</param>
    public static SocketEndPoint FromAddressBytes(ReadOnlySpan<byte> address, ushort port)
    {
        (ulong high, ulong low) = FromBytes(address);
        return new SocketEndPoint(high, low, port);
    }

    /// <summary>The same address with another port.</summary>
    /// <param name="port">The new port.</param>
    public SocketEndPoint WithPort(int port) => this with { Port = checked((ushort)port) };

    /// <summary>Writes the 16 address bytes in network order, IPv4 in its mapped form.</summary>
    /// <param name="destination">At least 16 bytes.</param>
    public void WriteAddress(Span<byte> destination)
    {
        BinaryPrimitives.WriteUInt64BigEndian(destination, High);
        BinaryPrimitives.WriteUInt64BigEndian(destination[8..], Low);
    }

    /// <summary>The address as the base class library has it (allocates; not for hot paths).</summary>
    public IPAddress ToIPAddress()
    {
        Span<byte> bytes = stackalloc byte[16];
        WriteAddress(bytes);
        return new IPAddress(IsIPv4 ? bytes[12..] : bytes);
    }

    /// <summary>Reads "1.2.3.4:80" or "[::1]:80".</summary>
    /// <param name="text">The ASCII text; nothing may follow the port.</param>
    /// <param name="result">The end point, when true is returned.</param>
    /// <returns>Whether the text was one.</returns>
    public static bool TryParse(ReadOnlySpan<byte> text, out SocketEndPoint result)
    {
        result = default;
        int colon = text.LastIndexOf((byte)':');
        if (colon <= 0 || text.Length - colon - 1 is 0 or > 5 || text.Length > MaxTextLength) return false;
        int port = 0;
        foreach (byte c in text[(colon + 1)..])
        {
            if (c is < (byte)'0' or > (byte)'9') return false;
            port = (port * 10) + (c - '0');
        }

        if (port > ushort.MaxValue) return false;
        ReadOnlySpan<byte> host = text[..colon];
        bool bracketed = host[0] == '[';
        if (bracketed != (host[^1] == ']')) return false;
        if (bracketed) host = host[1..^1];
        if (bracketed != host.Contains((byte)':')) return false;
        return TryParseAddress(host, (ushort)port, out result);
    }

    /// <summary>Reads an address without a port: "1.2.3.4" or "::1".</summary>
    /// <param name="text">The ASCII text.</param>
    /// <param name="port">The port to give the result.</param>
    /// <param name="result">The end point, when true is returned.</param>
    /// <returns>Whether the text was an address.</returns>
    public static bool TryParseAddress(ReadOnlySpan<byte> text, ushort port, out SocketEndPoint result)
    {
        result = default;
        if (text.IsEmpty || text.Length > MaxTextLength) return false;
        return text.Contains((byte)':') ? TryParseIPv6(text, port, out result) : TryParseIPv4(text, port, out result);
    }

    /// <inheritdoc/>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{this}");

    /// <inheritdoc/>
    public string ToString(string? format, IFormatProvider? formatProvider) => ToString();

    /// <inheritdoc/>
    public bool TryFormat(Span<char> destination, out int charsWritten, ReadOnlySpan<char> format, IFormatProvider? provider)
    {
        Span<byte> utf8 = stackalloc byte[MaxTextLength];
        charsWritten = 0;
        if (!TryFormat(utf8, out int length, default, provider) || length > destination.Length) return false;
        for (int i = 0; i < length; i++) destination[i] = (char)utf8[i];
        charsWritten = length;
        return true;
    }

    /// <inheritdoc/>
    public bool TryFormat(Span<byte> utf8Destination, out int bytesWritten, ReadOnlySpan<char> format, IFormatProvider? provider)
    {
        bytesWritten = 0;
        if (!IsIPv4)
        {
            return ToIPAddress() is { } address
                && System.Text.Unicode.Utf8.TryWrite(utf8Destination, CultureInfo.InvariantCulture, $"[{address}]:{Port}", out bytesWritten);
        }

        uint v4 = (uint)Low;
        return System.Text.Unicode.Utf8.TryWrite(
            utf8Destination, CultureInfo.InvariantCulture, $"{v4 >> 24}.{(v4 >> 16) & 255}.{(v4 >> 8) & 255}.{v4 & 255}:{Port}", out bytesWritten);
    }

    private static bool TryParseIPv4(ReadOnlySpan<byte> text, ushort port, out SocketEndPoint result)
    {
        result = default;
        uint address = 0;
        for (int part = 0; part < 4; part++)
        {
            int end = part < 3 ? text.IndexOf((byte)'.') : text.Length;
            if (end is < 1 or > 3 || (end > 1 && text[0] == '0')) return false;
            uint value = 0;
            foreach (byte c in text[..end])
            {
                if (c is < (byte)'0' or > (byte)'9') return false;
                value = (value * 10) + (uint)(c - '0');
            }

            if (value > 255) return false;
            address = (address << 8) | value;
            text = text[Math.Min(end + 1, text.Length)..];
        }

        result = new SocketEndPoint(0, MappedPrefix | address, port);
        return text.IsEmpty;
    }

    private static bool TryParseIPv6(ReadOnlySpan<byte> text, ushort port, out SocketEndPoint result)
    {
        result = default;
        Span<char> chars = stackalloc char[MaxTextLength];
        for (int i = 0; i < text.Length; i++) chars[i] = (char)text[i];
        if (text.Contains((byte)'%') || !IPAddress.TryParse(chars[..text.Length], out IPAddress? address)) return false;
        result = new SocketEndPoint(address, port);
        return true;
    }

    private static (ulong High, ulong Low) FromBytes(ReadOnlySpan<byte> bytes) => bytes.Length switch
    {
        4 => (0, MappedPrefix | BinaryPrimitives.ReadUInt32BigEndian(bytes)),
        16 => (BinaryPrimitives.ReadUInt64BigEndian(bytes), BinaryPrimitives.ReadUInt64BigEndian(bytes[8..])),
        _ => throw new ArgumentException("An address has 4 or 16 bytes.", nameof(bytes)),
    };
}
