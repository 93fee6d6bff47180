using System.Text;
using Culvert.Http2.Hpack;

namespace Culvert.Http2.Tests.Hpack;

/// <summary>Every example of RFC 7541, appendix C.</summary>
public sealed class HpackExamplesTests
{
    private const string Request1 = ":method=GET|:scheme=http|:path=/|:authority=www.example.com";
    private const string Request2 = Request1 + "|cache-control=no-cache";
    private const string Request3 = ":method=GET|:scheme=https|:path=/index.html|:authority=www.example.com|custom-key=custom-value";
    private const string Tail = "|cache-control=private|date=Mon, 21 Oct 2013 20:13:21 GMT|location=https://www.example.com";
    private const string Response3 = ":status=200|cache-control=private|date=Mon, 21 Oct 2013 20:13:22 GMT|location=https://www.example.com"
        + "|content-encoding=gzip|set-cookie=foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1";

    [Theory]
    [InlineData("400a637573746f6d2d6b65790d637573746f6d2d686561646572", "custom-key=custom-header", 55)]
    [InlineData("040c2f73616d706c652f70617468", ":path=/sample/path", 0)]
    [InlineData("100870617373776f726406736563726574", "password=secret", 0)]
    [InlineData("82", ":method=GET", 0)]
    public void FieldRepresentations_C2(string hex, string fields, int tableSize)
    {
        var decoder = new HpackDecoder(4096);
        Assert.Equal(fields, Decode(decoder, hex));
        Assert.Equal(tableSize, decoder.TableUsed);
    }

    [Fact]
    public void NeverIndexedIsRemembered_C2_3()
    {
        var list = new HeaderList();
        Assert.Equal(HpackResult.Ok, new HpackDecoder(4096).Decode(Convert.FromHexString("100870617373776f726406736563726574"), list, 1000));
        Assert.True(list[0].NeverIndexed);
    }

    [Fact]
    public void RequestsWithoutHuffman_C3() => Run(
        4096,
        ("828684410f7777772e6578616d706c652e636f6d", Request1, 57),
        ("828684be58086e6f2d6361636865", Request2, 110),
        ("828785bf400a637573746f6d2d6b65790c637573746f6d2d76616c7565", Request3, 164));

    [Fact]
    public void RequestsWithHuffman_C4() => Run(
        4096,
        ("828684418cf1e3c2e5f23a6ba0ab90f4ff", Request1, 57),
        ("828684be5886a8eb10649cbf", Request2, 110),
        ("828785bf408825a849e95ba97d7f8925a849e95bb8e8b4bf", Request3, 164));

    [Fact]
    public void ResponsesWithoutHuffman_C5() => Run(
        256,
        ("4803333032580770726976617465611d4d6f6e2c203231204f637420323031332032303a31333a323120474d546e1768747470733a2f2f7777772e6578616d706c652e636f6d", ":status=302" + Tail, 222),
        ("4803333037c1c0bf", ":status=307" + Tail, 222),
        ("88c1611d4d6f6e2c203231204f637420323031332032303a31333a323220474d54c05a04677a69707738666f6f3d4153444a4b48514b425a584f5157454f50495541585157454f49553b206d61782d6167653d333630303b2076657273696f6e3d31", Response3, 215));

    [Fact]
    public void ResponsesWithHuffman_C6() => Run(
        256,
        ("488264025885aec3771a4b6196d07abe941054d444a8200595040b8166e082a62d1bff6e919d29ad171863c78f0b97c8e9ae82ae43d3", ":status=302" + Tail, 222),
        ("4883640effc1c0bf", ":status=307" + Tail, 222),
        ("88c16196d07abe941054d444a8200595040b8166e084a62d1bffc05a839bd9ab77ad94e7821dd7f2e6c7b335dfdfcd5b3960d5af27087f3672c1ab270fb5291f9587316065c003ed4ee5b1063d5007", Response3, 215));

    [Theory]
    [InlineData(10, 5, "0a")]
    [InlineData(1337, 5, "1f9a0a")]
    [InlineData(42, 8, "2a")]
    public void Integers_C1(int value, int prefix, string hex)
    {
        var bytes = new byte[HpackInteger.MaxLength];
        var n = HpackInteger.Write(bytes, 0, prefix, value);
        Assert.Equal(hex, Convert.ToHexStringLower(bytes.AsSpan(0, n)));
        var position = 0;
        Assert.True(HpackInteger.TryRead(bytes, ref position, prefix, out var read));
        Assert.Equal((value, n), (read, position));
    }

    internal static string Decode(HpackDecoder decoder, string hex)
    {
        var list = new HeaderList();
        Assert.Equal(HpackResult.Ok, decoder.Decode(Convert.FromHexString(hex), list, 100_000));
        var text = new List<string>();
        for (var i = 0; i < list.Count; i++) text.Add($"{Encoding.Latin1.GetString(list[i].Name)}={Encoding.Latin1.GetString(list[i].Value)}");
        return string.Join('|', text);
    }

    private static void Run(int tableSize, params (string Hex, string Fields, int Size)[] steps)
    {
        var decoder = new HpackDecoder(4096);
        if (tableSize == 256) Decode(decoder, "3fe101");
        foreach (var (hex, fields, size) in steps)
        {
            Assert.Equal(fields, Decode(decoder, hex));
            Assert.Equal(size, decoder.TableUsed);
        }
    }
}
