using System.Buffers.Binary;
using System.Net;

namespace Culvert.Datapath.Tests.Support;

/// <summary>A PROXY header in front of a payload, read plainly and strictly from its published description.</summary>
internal sealed record ProxyHeader(IPEndPoint From, IPEndPoint To, int Length, IReadOnlyDictionary<byte, byte[]> Tlvs)
{
    private static readonly byte[] Signature = [0x0d, 0x0a, 0x0d, 0x0a, 0, 0x0d, 0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a];

    /// <summary>Class, interface, generation and flags of the endpoint TLV.</summary>
    internal (uint Class, uint Interface, uint Generation, uint Flags) Endpoint
    {
        get
        {
            byte[] value = Tlvs[0xe0];
            Assert.Equal(1, value[0]);
            return (Word(value, 1), Word(value, 5), Word(value, 9), Word(value, 13));
        }
    }

    /// <summary>Reads and asserts that it is one of a datagram.</summary>
    internal static ProxyHeader Read(ReadOnlySpan<byte> payload)
    {
        Assert.Equal(Signature, payload[..12]);
        Assert.Equal(0x21, payload[12]);
        bool v6 = payload[13] == 0x22;
        if (!v6) Assert.Equal(0x12, payload[13]);
        int length = 16 + BinaryPrimitives.ReadUInt16BigEndian(payload[14..]), size = v6 ? 16 : 4, at = 16 + (2 * size) + 4;
        Assert.Equal(0, length % 4);
        Dictionary<byte, byte[]> tlvs = [];
        while (at < length)
        {
            int value = BinaryPrimitives.ReadUInt16BigEndian(payload[(at + 1)..]);
            tlvs.Add(payload[at], payload.Slice(at + 3, value).ToArray());
            at += 3 + value;
        }
        Assert.Equal(length, at);
        if (tlvs.TryGetValue(3, out byte[]? crc))
        {
            byte[] zeroed = payload[..length].ToArray();
            zeroed.AsSpan(length - 4).Clear();
            Assert.Equal(Crc32C(zeroed), Word(crc, 0));
        }
        return new ProxyHeader(
            new(new IPAddress(payload.Slice(16, size)), BinaryPrimitives.ReadUInt16BigEndian(payload[(16 + (2 * size))..])),
            new(new IPAddress(payload.Slice(16 + size, size)), BinaryPrimitives.ReadUInt16BigEndian(payload[(18 + (2 * size))..])),
            length,
            tlvs);
    }

    internal static uint Crc32C(ReadOnlySpan<byte> bytes)
    {
        uint crc = uint.MaxValue;
        foreach (byte b in bytes)
        {
            crc ^= b;
            for (int bit = 0; bit < 8; bit++) crc = (crc >> 1) ^ ((crc & 1) != 0 ? 0x82f63b78u : 0);
        }
        return ~crc;
    }

    private static uint Word(byte[] bytes, int at) => BinaryPrimitives.ReadUInt32BigEndian(bytes.AsSpan(at));
}
