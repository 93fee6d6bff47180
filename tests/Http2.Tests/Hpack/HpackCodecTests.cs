using Culvert.Http2.Hpack;

namespace Culvert.Http2.Tests.Hpack;

public sealed class HpackCodecTests
{
    [Theory]
    [InlineData("80", "index 0")]
    [InlineData("be", "an index beyond both tables")]
    [InlineData("7f", "a cut-off integer")]
    [InlineData("ffffffffffff", "an integer without end")]
    [InlineData("ff80808080808001", "an integer of too many bytes")]
    [InlineData("ffffffffff7f", "an integer above 31 bits")]
    [InlineData("4003", "a cut-off string")]
    [InlineData("00017f", "a value that is missing")]
    [InlineData("0000", "an empty name")]
    [InlineData("8220", "a size update behind a field")]
    [InlineData("3fe21f", "a size update above the limit")]
    [InlineData("4001610a62", "a string longer than the block")]
    public void BrokenBlocksAreRefused(string hex, string why) =>
        Assert.True(new HpackDecoder(4096).Decode(Convert.FromHexString(hex), new HeaderList(), 100_000) == HpackResult.Error, why);

    [Fact]
    public void TooLargeListKeepsTheTableInStep()
    {
        var decoder = new HpackDecoder(4096);
        var encoder = new HpackEncoder(4096);
        using var output = new OutputBuffer();
        var list = new HeaderList().Add("x-long"u8, new byte[500]).Add("x-short"u8, "v"u8);
        encoder.Encode(list, output);
        Assert.Equal(HpackResult.TooLarge, decoder.Decode(output.Peek().Span, new HeaderList(), 300));
        output.Consume(output.Pending);
        encoder.Encode(list, output);
        var decoded = new HeaderList();
        Assert.Equal(HpackResult.Ok, decoder.Decode(output.Peek().Span, decoded, 3000));
        Assert.Equal("v", decoded.GetString("x-short"u8));
        Assert.Equal(2, output.Pending);
    }

    [Fact]
    public void IndexedFieldsCannotBlowUpTheList()
    {
        // One entry of 4,000 bytes, then 60,000 references to it: 240 MB if it were copied.
        var decoder = new HpackDecoder(4096);
        using var output = new OutputBuffer();
        new HpackEncoder(4096).Encode(new HeaderList().Add("x"u8, new byte[4000]), output);
        var list = new HeaderList();
        Assert.Equal(HpackResult.Ok, decoder.Decode(output.Peek().Span, list, 65536));
        var bomb = new byte[60_000];
        Array.Fill(bomb, (byte)0xbe);
        list.Clear();
        Assert.Equal(HpackResult.TooLarge, decoder.Decode(bomb, list, 65536));
        Assert.InRange(list.Count, 1, 16);
    }

    [Fact]
    public void LoweredTableMustBeConfirmedByTheNextBlock()
    {
        var decoder = new HpackDecoder(100);
        Assert.Equal(HpackResult.Ok, decoder.Decode([0x82], new HeaderList(), 1000));
        decoder.SetLimit(100);
        Assert.Equal(HpackResult.Error, decoder.Decode([0x82], new HeaderList(), 1000));
        decoder = new HpackDecoder(100);
        decoder.SetLimit(100);
        Assert.Equal(HpackResult.Ok, decoder.Decode([0x3f, 0x45, 0x82], new HeaderList(), 1000));
        Assert.Equal(100, decoder.TableSize);
    }

    [Fact]
    public void ABlockMayChangeTheTablesSizeTwiceOnly()
    {
        var decoder = new HpackDecoder(4096);
        Assert.Equal(HpackResult.Ok, decoder.Decode([0x20, 0x3f, 0x45, 0x82], new HeaderList(), 1000));
        Assert.Equal(HpackResult.Error, decoder.Decode([0x20, 0x3f, 0x45, 0x20, 0x82], new HeaderList(), 1000));
    }

    [Fact]
    public void EncoderAnnouncesTheLowestAndTheLastSize()
    {
        var encoder = new HpackEncoder(4096);
        var decoder = new HpackDecoder(4096);
        using var output = new OutputBuffer();
        encoder.SetPeerLimit(0);
        encoder.SetPeerLimit(1000);
        encoder.Encode(new HeaderList().AddStatus(200), output);
        Assert.Equal("203fc90788", Convert.ToHexStringLower(output.Peek().Span));
        Assert.Equal(HpackResult.Ok, decoder.Decode(output.Peek().Span, new HeaderList(), 1000));
        Assert.Equal(1000, decoder.TableSize);
    }

    [Fact]
    public void RepeatedFieldsCostOneByteAndUniqueOnesDoNotPushThemOut()
    {
        var encoder = new HpackEncoder(4096);
        var decoder = new HpackDecoder(4096);
        using var output = new OutputBuffer();
        var last = 0;
        for (var i = 0; i < 500; i++)
        {
            var list = new HeaderList()
                .Add(":method"u8, "CONNECT"u8)
                .Add(":authority"u8, "10.1.2.3:8080"u8)
                .Add("baggage"u8, "k8s.cluster.name=one,k8s.namespace.name=shop,k8s.deployment.name=cart"u8)
                .Add("traceparent"u8, System.Text.Encoding.ASCII.GetBytes($"00-4bf92f3577b34da6a3ce929d0e0e{i:x4}-00f067aa0ba902b7-01"));
            encoder.Encode(list, output);
            var decoded = new HeaderList();
            Assert.Equal(HpackResult.Ok, decoder.Decode(output.Peek().Span, decoded, 10_000));
            Assert.Equal(list.GetString("traceparent"u8), decoded.GetString("traceparent"u8));
            Assert.Equal(list.GetString("baggage"u8), decoded.GetString("baggage"u8));
            last = output.Pending;
            output.Consume(last);
        }

        // Three indexed fields, and a literal value behind an indexed name.
        Assert.InRange(last, 4, 3 + 2 + 55);
    }

    [Fact]
    public void SecretsStayOutOfTheTable()
    {
        var encoder = new HpackEncoder(4096);
        using var output = new OutputBuffer();
        for (var i = 0; i < 2; i++)
        {
            output.Consume(output.Pending);
            encoder.Encode(new HeaderList().Add("authorization"u8, "secret"u8, neverIndexed: true), output);
            Assert.Equal(0x1f, output.Peek().Span[0]);
        }
    }

    [Fact]
    public void RandomListsSurviveWithChangingTableSizes()
    {
        var random = new Random(7);
        var encoder = new HpackEncoder(65_536);
        var decoder = new HpackDecoder(65_536);
        decoder.SetLimit(65_536);
        using var output = new OutputBuffer();
        var list = new HeaderList();
        var decoded = new HeaderList();
        for (var round = 0; round < 5_000; round++)
        {
            list.Clear();
            decoded.Clear();
            if (random.Next(20) == 0) encoder.SetPeerLimit((uint)random.Next(3) switch { 0 => 0, 1 => (uint)random.Next(500), _ => (uint)random.Next(65_536) });
            for (var i = random.Next(30); i > 0; i--)
            {
                var name = random.Next(3) == 0 ? StaticTable.Name(random.Next(1, 62)).ToArray() : [(byte)'x', (byte)('a' + random.Next(20)), (byte)('a' + random.Next(3))];
                var value = new byte[random.Next(5) == 0 ? random.Next(400) : random.Next(8)];
                for (var k = 0; k < value.Length; k++) value[k] = (byte)(value.Length < 8 ? '0' + random.Next(4) : random.Next(256));
                list.Add(name, value, random.Next(10) == 0);
            }

            encoder.Encode(list, output);
            Assert.Equal(HpackResult.Ok, decoder.Decode(output.Peek().Span, decoded, 1 << 20));
            output.Consume(output.Pending);
            Assert.Equal(list.Count, decoded.Count);
            for (var i = 0; i < list.Count; i++)
            {
                Assert.True(list[i].Name.SequenceEqual(decoded[i].Name) && list[i].Value.SequenceEqual(decoded[i].Value));
                Assert.Equal(list[i].NeverIndexed, decoded[i].NeverIndexed);
                Assert.Equal(list.NameId(i), decoded.NameId(i));
            }

            Assert.Equal(encoder.TableSize, decoder.TableSize);
        }
    }

    [Fact]
    public void RandomBytesNeverThrow()
    {
        var random = new Random(11);
        var list = new HeaderList();
        var block = new byte[300];
        for (var round = 0; round < 100_000; round++)
        {
            var decoder = new HpackDecoder(4096);
            for (var n = 0; n < 3; n++)
            {
                list.Clear();
                var part = block.AsSpan(0, random.Next(block.Length));
                random.NextBytes(part);
                if (decoder.Decode(part, list, 5000) == HpackResult.Error) break;
                Assert.InRange(decoder.TableUsed, 0, 4096);
            }
        }
    }
}
