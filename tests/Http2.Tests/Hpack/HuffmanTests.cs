using System.Text;
using Culvert.Http2.Hpack;

namespace Culvert.Http2.Tests.Hpack;

public sealed class HuffmanTests
{
    // Codes of RFC 7541, appendix B, of every length class, as bits.
    [Theory]
    [InlineData('0', "00000")]
    [InlineData('t', "01001")]
    [InlineData(' ', "010100")]
    [InlineData('Z', "11111101")]
    [InlineData('!', "1111111000")]
    [InlineData('#', "111111111010")]
    [InlineData('~', "1111111111101")]
    [InlineData('{', "111111111111110")]
    [InlineData('\\', "1111111111111110000")]
    [InlineData(128, "11111111111111100110")]
    [InlineData(0, "1111111111000")]
    [InlineData(1, "11111111111111111011000")]
    [InlineData(9, "111111111111111111101010")]
    [InlineData(127, "1111111111111111111111111100")]
    [InlineData(10, "111111111111111111111111111100")]
    [InlineData(22, "111111111111111111111111111110")]
    [InlineData(255, "11111111111111111111101110")]
    [InlineData(249, "1111111111111111111111111110")]
    public void SymbolsHaveTheirCode(int symbol, string bits)
    {
        var encoded = new byte[8];
        var n = Huffman.Encode([(byte)symbol], encoded);
        var text = string.Concat(encoded.Take(n).Select(b => Convert.ToString(b, 2).PadLeft(8, '0')));
        Assert.Equal(bits.PadRight(n * 8, '1'), text);
    }

    [Fact]
    public void RandomTextsSurvive()
    {
        var random = new Random(1);
        for (var round = 0; round < 20_000; round++)
        {
            var text = new byte[random.Next(200)];
            random.NextBytes(text);
            if (round % 2 == 0)
            {
                for (var i = 0; i < text.Length; i++) text[i] = (byte)(32 + (text[i] % 95));
            }

            var encoded = new byte[Huffman.EncodedLength(text)];
            Assert.Equal(encoded.Length, Huffman.Encode(text, encoded));
            var decoded = new byte[Huffman.MaxDecodedLength(encoded.Length)];
            var n = Huffman.Decode(encoded, decoded);
            Assert.Equal(text, decoded.AsSpan(0, Math.Max(n, 0)).ToArray());
        }
    }

    [Theory]
    [InlineData("ff", "a padding of 8 bits")]
    [InlineData("07ff", "a padding of 11 bits")]
    [InlineData("00", "a padding of zeros after '0'")]
    [InlineData("fffffffc", "the start of a long code")]
    [InlineData("ffffffff", "EOS")]
    [InlineData("1c6fffffffff", "EOS inside")]
    public void BadPaddingAndEndOfStringAreRefused(string hex, string why)
    {
        var source = Convert.FromHexString(hex);
        Assert.True(Huffman.Decode(source, new byte[Huffman.MaxDecodedLength(source.Length)]) < 0, why);
    }

    [Fact]
    public void ExampleText()
    {
        var encoded = Convert.FromHexString("f1e3c2e5f23a6ba0ab90f4ff");
        var decoded = new byte[20];
        Assert.Equal("www.example.com", Encoding.ASCII.GetString(decoded, 0, Huffman.Decode(encoded, decoded)));
    }
}
