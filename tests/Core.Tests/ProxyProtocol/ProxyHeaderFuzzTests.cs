namespace Culvert.Core.Tests;

public sealed class ProxyHeaderFuzzTests
{
    private const int Rounds = 200_000;

    /// <summary>Headers with random TLVs, then damaged: never an exception, never more than what is there, never a false success of the checksum.</summary>
    [Theory]
    [InlineData(1)]
    [InlineData(20261120)]
    public void DamagedHeadersAreReadWithinBounds(int seed)
    {
        Random random = new(seed);
        byte[] buffer = new byte[512];
        int accepted = 0;
        for (int i = 0; i < Rounds; i++)
        {
            bool checksum = random.Next(2) == 0;
            int length = Write(random, buffer, checksum);
            int damaged = random.Next(4);
            for (int d = 0; d < damaged; d++) buffer[random.Next(length)] = (byte)random.Next(256);
            int given = random.Next(3) == 0 ? random.Next(length + 1) : length;
            ProxyProtocolError error = ProxyHeaderReader.Read(buffer.AsSpan(0, given), out ProxyHeader header);
            if (damaged == 0 && given == length) Assert.Equal(ProxyProtocolError.None, error);
            if (error != ProxyProtocolError.None) continue;
            accepted++;
            Assert.InRange(header.Length, 1, given);
            for (int type = 0; type < 256; type++) header.TryGetTlv((byte)type, out _);
        }

        Assert.True(accepted > Rounds / 10);
    }

    [Fact]
    public void RandomLinesAreReadWithinBounds()
    {
        Random random = new(7);
        const string Alphabet = "PROXY TCP46UNKNOWN 0123456789.:abf\r\n";
        byte[] line = new byte[140];
        for (int i = 0; i < Rounds; i++)
        {
            int length = random.Next(line.Length);
            for (int c = 0; c < length; c++) line[c] = (byte)Alphabet[random.Next(Alphabet.Length)];
            if (random.Next(2) == 0) "PROXY TCP6 "u8.CopyTo(line);
            if (ProxyHeaderReader.Read(line.AsSpan(0, length), out ProxyHeader header) == ProxyProtocolError.None) Assert.InRange(header.Length, 15, length);
        }
    }

    private static int Write(Random random, byte[] buffer, bool checksum)
    {
        ProxyEndPoint source = RandomPoint(random), destination = RandomPoint(random);
        ProxyHeaderWriter writer = new(buffer, random.Next(2) == 0 ? TransportProtocol.Tcp : TransportProtocol.Udp, source, destination);
        byte[] value = new byte[64];
        for (int i = random.Next(5); i > 0; i--)
        {
            random.NextBytes(value);
            byte type = (byte)random.Next(256);
            if (type != ProxyTlvType.Crc32C) writer.TryAdd(type, value.AsSpan(0, random.Next(value.Length)));
        }

        return writer.Finish(checksum);
    }

    private static ProxyEndPoint RandomPoint(Random random) => random.Next(2) == 0
        ? new ProxyEndPoint(0, 0x0000_FFFF_0000_0000UL | (uint)random.Next(), (ushort)random.Next(65536))
        : new ProxyEndPoint((ulong)random.NextInt64() | 1, (ulong)random.NextInt64(), (ushort)random.Next(65536));
}
