using System.Buffers;
using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;

namespace Culvert.Core;

/// <summary>Version 1: one line of text (proxy-protocol.txt 2.1).</summary>
internal static class ProxyTextReader
{
    private static readonly SearchValues<byte> IPv6Characters = SearchValues.Create("0123456789abcdefABCDEF:."u8);

    internal static ProxyProtocolError Read(ReadOnlySpan<byte> data, out ProxyHeader header)
    {
        header = default;
        ReadOnlySpan<byte> start = "PROXY "u8;
        if (!data.StartsWith(start)) return data.Length < start.Length && start.StartsWith(data) ? ProxyProtocolError.Incomplete : ProxyProtocolError.Signature;
        int end = data[..Math.Min(data.Length, ProxyHeaderReader.MaxTextLength)].IndexOf("\r\n"u8);
        if (end < 0) return data.Length < ProxyHeaderReader.MaxTextLength ? ProxyProtocolError.Incomplete : ProxyProtocolError.TooLong;
        ReadOnlySpan<byte> line = data[start.Length..end];
        ReadOnlySpan<byte> family = Take(ref line);
        int length = end + 2;
        if (family.SequenceEqual("UNKNOWN"u8))
        {
            header = new ProxyHeader { Length = length, Version = 1 };
            return ProxyProtocolError.None;
        }

        bool ipv6 = family.SequenceEqual("TCP6"u8);
        if (!ipv6 && !family.SequenceEqual("TCP4"u8)) return ProxyProtocolError.Family;
        ReadOnlySpan<byte> source = Take(ref line), destination = Take(ref line), sourcePort = Take(ref line);
        if (!TryReadAddress(source, sourcePort, ipv6, out ProxyEndPoint from) || !TryReadAddress(destination, line, ipv6, out ProxyEndPoint to)) return ProxyProtocolError.Text;
        header = new ProxyHeader { Length = length, Version = 1, HasAddresses = true, Transport = TransportProtocol.Tcp, Source = from, Destination = to };
        return ProxyProtocolError.None;
    }

    // Up to the next single space; what is left starts behind it.
    private static ReadOnlySpan<byte> Take(ref ReadOnlySpan<byte> line)
    {
        int space = line.IndexOf((byte)' ');
        ReadOnlySpan<byte> word = space < 0 ? line : line[..space];
        line = space < 0 ? default : line[(space + 1)..];
        return word;
    }

    private static bool TryReadAddress(ReadOnlySpan<byte> text, ReadOnlySpan<byte> portText, bool ipv6, out ProxyEndPoint result)
    {
        result = default;
        if (!TryReadNumber(portText, ushort.MaxValue, out uint port)) return false;
        return ipv6 ? TryReadIPv6(text, (ushort)port, out result) : TryReadIPv4(text, (ushort)port, out result);
    }

    private static bool TryReadNumber(ReadOnlySpan<byte> text, uint max, out uint value)
    {
        value = 0;
        if (text.Length is 0 or > 5 || (text.Length > 1 && text[0] == '0')) return false;
        foreach (byte c in text)
        {
            if (c is < (byte)'0' or > (byte)'9') return false;
            value = (value * 10) + (uint)(c - '0');
        }

        return value <= max;
    }

    private static bool TryReadIPv4(ReadOnlySpan<byte> text, ushort port, out ProxyEndPoint result)
    {
        result = default;
        uint address = 0;
        for (int part = 0; part < 4; part++)
        {
            int dot = part < 3 ? text.IndexOf((byte)'.') : text.Length;
            if (dot < 0 || !TryReadNumber(text[..dot], byte.MaxValue, out uint value)) return false;
            address = (address << 8) | value;
            text = text[Math.Min(dot + 1, text.Length)..];
        }

        result = ProxyEndPoint.FromIPv4(address, port);
        return true;
    }

    private static bool TryReadIPv6(ReadOnlySpan<byte> text, ushort port, out ProxyEndPoint result)
    {
        result = default;
        if (text.Length is < 2 or > 45 || text.ContainsAnyExcept(IPv6Characters)) return false;
        Span<char> chars = stackalloc char[text.Length];
        for (int i = 0; i < text.Length; i++) chars[i] = (char)text[i];
        if (!IPAddress.TryParse(chars, out IPAddress? address) || address.AddressFamily != AddressFamily.InterNetworkV6) return false;
        Span<byte> bytes = stackalloc byte[16];
        address.TryWriteBytes(bytes, out _);
        result = new ProxyEndPoint(BinaryPrimitives.ReadUInt64BigEndian(bytes), BinaryPrimitives.ReadUInt64BigEndian(bytes[8..]), port);
        return true;
    }
}
