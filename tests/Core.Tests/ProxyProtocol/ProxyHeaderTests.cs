using System.Text;

namespace Culvert.Core.Tests;

public sealed class ProxyHeaderTests
{
    private const string Signature = "0d0a0d0a000d0a515549540a";
    private const string Tcp4WithCrc = Signature + "211100130a0000010a00000230391f90030004237ee567";
    private const string Udp4 = Signature + "2112000c0a0000010a00000230391f90";

    private static readonly ProxyEndPoint Client = Point("10.0.0.1", 12345);
    private static readonly ProxyEndPoint Server = Point("10.0.0.2", 8080);
    private static readonly ProxyEndPoint Client6 = Point("fd00::1", 12345);
    private static readonly ProxyEndPoint Server6 = Point("fd00::2", 53);

    [Fact]
    public void KnownVectorsAreReadAndWritten()
    {
        Span<byte> buffer = stackalloc byte[64];
        int length = new ProxyHeaderWriter(buffer, TransportProtocol.Tcp, Client, Server).Finish(checksum: true);
        Assert.Equal(Tcp4WithCrc, Convert.ToHexStringLower(buffer[..length]));
        length = new ProxyHeaderWriter(buffer, TransportProtocol.Udp, Client, Server).Finish();
        Assert.Equal(Udp4, Convert.ToHexStringLower(buffer[..length]));

        Assert.Equal(ProxyProtocolError.None, Read(Tcp4WithCrc + "ffff", out ProxyHeader header));
        Assert.Equal((35, TransportProtocol.Tcp, Client, Server), (header.Length, header.Transport, header.Source, header.Destination));
        Assert.Equal(ProxyProtocolError.None, Read(Udp4, out header));
        Assert.Equal((28, TransportProtocol.Udp, Client, Server), (header.Length, header.Transport, header.Source, header.Destination));
        Assert.True(header.HasAddresses && !header.IsLocal && header.Version == 2);
    }

    [Fact]
    public void TlvsOfAnyOrderAreFound()
    {
        byte[] buffer = new byte[256];
        ProxyHeaderWriter writer = new(buffer, TransportProtocol.Udp, Client6, Server6);
        Assert.True(writer.TryAdd(ProxyTlvType.NoOp, [1, 2, 3]));
        Assert.True(writer.TryAdd(0x99, []));
        Assert.True(writer.TryAdd(ProxyTlvType.SpiffeId, "spiffe://cluster.local/ns/a/sa/b"u8));
        Assert.False(writer.TryAdd(ProxyTlvType.Authority, new byte[200]));
        int length = writer.Finish(checksum: true);
        Assert.Equal(ProxyProtocolError.None, ProxyHeaderReader.Read(buffer, out ProxyHeader header));
        Assert.Equal((length, Client6, Server6), (header.Length, header.Source, header.Destination));
        Assert.True(header.TryGetTlv(ProxyTlvType.SpiffeId, out ReadOnlySpan<byte> id));
        Assert.Equal("spiffe://cluster.local/ns/a/sa/b", Encoding.ASCII.GetString(id));
        Assert.True(header.TryGetTlv(0x99, out id) && id.IsEmpty);
        Assert.False(header.TryGetTlv(ProxyTlvType.Authority, out _));
        for (int i = 0; i < length; i++)
        {
            if (i == length - 7) continue; // the type of the checksum itself: without it nothing is checked
            buffer[i] ^= 0x20;
            Assert.NotEqual(ProxyProtocolError.None, ProxyHeaderReader.Read(buffer.AsSpan(0, length), out _));
            buffer[i] ^= 0x20;
        }
    }

    [Fact]
    public void FamiliesThatDifferAreWrittenAsIPv6()
    {
        Span<byte> buffer = stackalloc byte[64];
        Assert.Equal(52, new ProxyHeaderWriter(buffer, TransportProtocol.Tcp, Client, Server6).Finish());
        Assert.Equal(ProxyProtocolError.None, ProxyHeaderReader.Read(buffer, out ProxyHeader header));
        Assert.Equal((Client, Server6), (header.Source, header.Destination));
    }

    [Theory]
    [InlineData("", ProxyProtocolError.Incomplete)]
    [InlineData("0d0a0d0a00", ProxyProtocolError.Incomplete)]
    [InlineData("0d0a0d0a01", ProxyProtocolError.Signature)]
    [InlineData("474554202f20", ProxyProtocolError.Signature)]
    [InlineData(Signature + "21", ProxyProtocolError.Incomplete)]
    [InlineData(Signature + "3112000c0a0000010a00000230391f90", ProxyProtocolError.Version)]
    [InlineData(Signature + "2212000c0a0000010a00000230391f90", ProxyProtocolError.Command)]
    [InlineData(Signature + "2142000c0a0000010a00000230391f90", ProxyProtocolError.Family)]
    [InlineData(Signature + "2102000c0a0000010a00000230391f90", ProxyProtocolError.Family)]
    [InlineData(Signature + "2113000c0a0000010a00000230391f90", ProxyProtocolError.Family)]
    [InlineData(Signature + "2112000b0a0000010a00000230391f", ProxyProtocolError.Length)]
    [InlineData(Signature + "2122000c0a0000010a00000230391f90", ProxyProtocolError.Length)]
    [InlineData(Signature + "2112000c0a0000010a00000230391f", ProxyProtocolError.Incomplete)]
    [InlineData(Signature + "2112ffff0a0000010a00000230391f90", ProxyProtocolError.TooLong)]
    [InlineData(Signature + "2112000e0a0000010a00000230391f900400", ProxyProtocolError.Tlv)]
    [InlineData(Signature + "211200100a0000010a00000230391f9004000200", ProxyProtocolError.Tlv)]
    [InlineData(Signature + "211100130a0000010a00000230391f90030004237ee568", ProxyProtocolError.Crc)]
    [InlineData(Signature + "211100120a0000010a00000230391f90030003237ee5", ProxyProtocolError.Tlv)]
    public void BrokenHeadersAreRefusedWithTheReason(string hex, ProxyProtocolError expected) => Assert.Equal(expected, Read(hex, out _));

    [Theory]
    [InlineData(Signature + "20000000", 16, true)]
    [InlineData(Signature + "2011000c0a0000010a00000230391f90", 28, true)]
    [InlineData(Signature + "20ff0000", 0, true)]
    [InlineData(Signature + "21000003010203", 19, false)]
    public void HeadersWithoutClientAreSkipped(string hex, int length, bool local)
    {
        ProxyProtocolError error = Read(hex, out ProxyHeader header);
        Assert.Equal(length == 0 ? ProxyProtocolError.Family : ProxyProtocolError.None, error);
        Assert.Equal((length, length != 0 && local, false), (header.Length, header.IsLocal, header.HasAddresses));
    }

    [Theory]
    [InlineData("PROXY TCP4 10.0.0.1 10.0.0.2 12345 8080\r\nGET", ProxyProtocolError.None)]
    [InlineData("PROXY TCP6 fd00::1 fd00::2 12345 53\r\n", ProxyProtocolError.None)]
    [InlineData("PROXY UNKNOWN\r\n", ProxyProtocolError.None)]
    [InlineData("PROXY UNKNOWN what ever follows\r\n", ProxyProtocolError.None)]
    [InlineData("PROXY TCP4 10.0.0.1 10.0.0.2 12345 8080\r", ProxyProtocolError.Incomplete)]
    [InlineData("PRO", ProxyProtocolError.Incomplete)]
    [InlineData("PROXI TCP4", ProxyProtocolError.Signature)]
    [InlineData("POST / HTTP/1.1\r\n", ProxyProtocolError.Signature)]
    [InlineData("PROXY UDP4 10.0.0.1 10.0.0.2 12345 8080\r\n", ProxyProtocolError.Family)]
    [InlineData("PROXY TCP4  10.0.0.1 10.0.0.2 12345 8080\r\n", ProxyProtocolError.Text)]
    [InlineData("PROXY TCP4 10.0.0.1 10.0.0.2 12345 8080 \r\n", ProxyProtocolError.Text)]
    [InlineData("PROXY TCP4 10.0.0.01 10.0.0.2 12345 8080\r\n", ProxyProtocolError.Text)]
    [InlineData("PROXY TCP4 10.0.1 10.0.0.2 12345 8080\r\n", ProxyProtocolError.Text)]
    [InlineData("PROXY TCP4 10.0.0.1 10.0.0.256 12345 8080\r\n", ProxyProtocolError.Text)]
    [InlineData("PROXY TCP4 10.0.0.1 10.0.0.2 12345 08080\r\n", ProxyProtocolError.Text)]
    [InlineData("PROXY TCP4 10.0.0.1 10.0.0.2 12345 65536\r\n", ProxyProtocolError.Text)]
    [InlineData("PROXY TCP4 fd00::1 fd00::2 12345 53\r\n", ProxyProtocolError.Text)]
    [InlineData("PROXY TCP6 10.0.0.1 10.0.0.2 12345 53\r\n", ProxyProtocolError.Text)]
    [InlineData("PROXY TCP6 fe80::1%2 fd00::2 12345 53\r\n", ProxyProtocolError.Text)]
    public void LinesOfVersion1AreRead(string line, ProxyProtocolError expected)
    {
        Assert.Equal(expected, ProxyHeaderReader.Read(Encoding.ASCII.GetBytes(line), out ProxyHeader header));
        if (expected != ProxyProtocolError.None) return;
        Assert.Equal((1, line.IndexOf('\n', StringComparison.Ordinal) + 1), (header.Version, header.Length));
        if (header.HasAddresses) Assert.Equal(line.Contains("TCP6", StringComparison.Ordinal) ? (Client6, Server6) : (Client, Server), (header.Source, header.Destination));
    }

    [Fact]
    public void LongLinesAreRefused() =>
        Assert.Equal(ProxyProtocolError.TooLong, ProxyHeaderReader.Read(Encoding.ASCII.GetBytes("PROXY UNKNOWN " + new string('x', 200)), out _));

    private static ProxyProtocolError Read(string hex, out ProxyHeader header) => ProxyHeaderReader.Read(Convert.FromHexString(hex), out header);

    private static ProxyEndPoint Point(string address, ushort port)
    {
        byte[] bytes = System.Net.IPAddress.Parse(address).MapToIPv6().GetAddressBytes();
        return new ProxyEndPoint(
            System.Buffers.Binary.BinaryPrimitives.ReadUInt64BigEndian(bytes), System.Buffers.Binary.BinaryPrimitives.ReadUInt64BigEndian(bytes.AsSpan(8)), port);
    }
}
