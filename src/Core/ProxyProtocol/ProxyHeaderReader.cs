using System.Buffers.Binary;

namespace Culvert.Core;

/// <summary>
/// Reads PROXY protocol headers, version 1 and 2 (proxy-protocol.txt). Pure, bounded, without allocations (but for an IPv6
/// address in the text form). Thread-safe.
/// </summary>
public static class ProxyHeaderReader
{
    /// <summary>The longest header that is read unless the caller says otherwise.</summary>
    public const int DefaultMaxLength = 4096;

    /// <summary>Bytes of the fixed part of version 2.</summary>
    public const int FixedLength = 16;

    /// <summary>The longest header of version 1.</summary>
    public const int MaxTextLength = 107;

    internal const int IPv4Block = 12;
    internal const int IPv6Block = 36;
    private const int UnixBlock = 216;

    internal static ReadOnlySpan<byte> Signature => [0x0D, 0x0A, 0x0D, 0x0A, 0x00, 0x0D, 0x0A, 0x51, 0x55, 0x49, 0x54, 0x0A];

    /// <summary>Reads a header at the start of what a client sent.</summary>
    /// <param name="data">All bytes that are there.</param>
    /// <param name="header">The header, when None is returned.</param>
    /// <param name="maxLength">The longest header to take.</param>
    /// <returns>None, Incomplete (a stream: read more; a datagram: refuse), or why it is refused.</returns>
    public static ProxyProtocolError Read(ReadOnlySpan<byte> data, out ProxyHeader header, int maxLength = DefaultMaxLength)
    {
        header = default;
        if (data.IsEmpty) return ProxyProtocolError.Incomplete;
        return data[0] == (byte)'P' ? ProxyTextReader.Read(data, out header) : ReadVersion2(data, out header, maxLength);
    }

    /// <summary>Reads a header of version 2 only.</summary>
    /// <inheritdoc cref="Read"/>
    public static ProxyProtocolError ReadVersion2(ReadOnlySpan<byte> data, out ProxyHeader header, int maxLength = DefaultMaxLength)
    {
        header = default;
        ReadOnlySpan<byte> signature = Signature;
        if (!data.StartsWith(signature))
            return data.Length < signature.Length && signature.StartsWith(data) ? ProxyProtocolError.Incomplete : ProxyProtocolError.Signature;
        if (data.Length < FixedLength) return ProxyProtocolError.Incomplete;
        (int version, int command) = (data[12] >> 4, data[12] & 15);
        (int family, int transport) = (data[13] >> 4, data[13] & 15);
        if (version != 2) return ProxyProtocolError.Version;
        if (command > 1) return ProxyProtocolError.Command;
        if (family > 3 || transport > 2 || (family == 0) != (transport == 0)) return ProxyProtocolError.Family;
        int length = FixedLength + BinaryPrimitives.ReadUInt16BigEndian(data[14..]);
        if (length > maxLength) return ProxyProtocolError.TooLong;
        bool named = command == 1 && family != 0;
        int block = !named ? 0 : family switch { 1 => IPv4Block, 2 => IPv6Block, _ => UnixBlock };
        if (length < FixedLength + block) return ProxyProtocolError.Length;
        if (data.Length < length) return ProxyProtocolError.Incomplete;

        // Without a client (LOCAL, UNSPEC) what follows is skipped unseen, as the specification has it.
        if (!named)
        {
            header = new ProxyHeader { Length = length, Version = 2, IsLocal = command == 0 };
            return ProxyProtocolError.None;
        }

        ReadOnlySpan<byte> tlvs = data[(FixedLength + block)..length];
        ProxyProtocolError error = CheckTlvs(data[..length], tlvs);
        if (error != ProxyProtocolError.None) return error;
        (ProxyEndPoint source, ProxyEndPoint destination) = ReadAddresses(data[FixedLength..], family);
        header = new ProxyHeader
        {
            Length = length,
            Version = 2,
            HasAddresses = family != 3,
            Transport = transport == 1 ? TransportProtocol.Tcp : TransportProtocol.Udp,
            Source = source,
            Destination = destination,
            Tlvs = tlvs,
        };
        return ProxyProtocolError.None;
    }

    private static (ProxyEndPoint Source, ProxyEndPoint Destination) ReadAddresses(ReadOnlySpan<byte> block, int family)
    {
        switch (family)
        {
            case 1:
                return (
                    ProxyEndPoint.FromIPv4(BinaryPrimitives.ReadUInt32BigEndian(block), BinaryPrimitives.ReadUInt16BigEndian(block[8..])),
                    ProxyEndPoint.FromIPv4(BinaryPrimitives.ReadUInt32BigEndian(block[4..]), BinaryPrimitives.ReadUInt16BigEndian(block[10..])));
            case 2:
                return (ReadIPv6(block, block[32..]), ReadIPv6(block[16..], block[34..]));
            default:
                return default;
        }
    }

    private static ProxyEndPoint ReadIPv6(ReadOnlySpan<byte> address, ReadOnlySpan<byte> port) => new(
        BinaryPrimitives.ReadUInt64BigEndian(address), BinaryPrimitives.ReadUInt64BigEndian(address[8..]), BinaryPrimitives.ReadUInt16BigEndian(port));

    private static ProxyProtocolError CheckTlvs(ReadOnlySpan<byte> whole, ReadOnlySpan<byte> tlvs)
    {
        int crcAt = -1;
        for (int at = 0; at < tlvs.Length;)
        {
            if (tlvs.Length - at < 3) return ProxyProtocolError.Tlv;
            int length = BinaryPrimitives.ReadUInt16BigEndian(tlvs[(at + 1)..]);
            if (length > tlvs.Length - at - 3) return ProxyProtocolError.Tlv;
            if (tlvs[at] == ProxyTlvType.Crc32C)
            {
                if (crcAt >= 0 || length != sizeof(uint)) return ProxyProtocolError.Tlv;
                crcAt = whole.Length - tlvs.Length + at + 3;
            }

            at += 3 + length;
        }

        if (crcAt < 0) return ProxyProtocolError.None;
        uint crc = Crc32C.Append(Crc32C.Seed, whole[..crcAt]);
        crc = Crc32C.Append(crc, [0, 0, 0, 0]);
        crc = Crc32C.Finish(Crc32C.Append(crc, whole[(crcAt + sizeof(uint))..]));
        return crc == BinaryPrimitives.ReadUInt32BigEndian(whole[crcAt..]) ? ProxyProtocolError.None : ProxyProtocolError.Crc;
    }
}
