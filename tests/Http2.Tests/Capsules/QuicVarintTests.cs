using Culvert.Http2.Capsules;

namespace Culvert.Http2.Tests.Capsules;

public sealed class QuicVarintTests
{
    // RFC 9000, appendix A.1; the last is a longer form than needed.
    [Theory]
    [InlineData("C2197C5EFF14E88C", 151_288_809_941_952_652)]
    [InlineData("9D7F3E7D", 494_878_333)]
    [InlineData("7BBD", 15_293)]
    [InlineData("25", 37)]
    [InlineData("4025", 37)]
    public void ReadsTheExamplesOfTheRfc(string hex, ulong expected)
    {
        var bytes = Convert.FromHexString(hex);
        Assert.True(QuicVarint.TryRead(bytes, out var value, out var length));
        Assert.Equal((expected, bytes.Length), (value, length));
        for (var cut = 0; cut < bytes.Length; cut++)
        {
            Assert.False(QuicVarint.TryRead(bytes.AsSpan(0, cut), out _, out length));
            Assert.Equal(0, length);
        }
    }

    [Theory]
    [InlineData(0, 1)]
    [InlineData(63, 1)]
    [InlineData(64, 2)]
    [InlineData(16_383, 2)]
    [InlineData(16_384, 4)]
    [InlineData(1_073_741_823, 4)]
    [InlineData(1_073_741_824, 8)]
    [InlineData(QuicVarint.MaxValue, 8)]
    public void WritesTheShortestForm(ulong value, int length)
    {
        Span<byte> buffer = stackalloc byte[8];
        Assert.Equal(length, QuicVarint.Write(buffer, value));
        Assert.Equal(length, QuicVarint.LengthOf(value));
        Assert.Equal(length, QuicVarint.LengthFrom(buffer[0]));
        Assert.True(QuicVarint.TryRead(buffer, out var back, out var read));
        Assert.Equal((value, length), (back, read));
    }

    [Fact]
    public void RefusesNumbersThatDoNotFit()
    {
        var buffer = new byte[8];
        Assert.Throws<ArgumentOutOfRangeException>(() => QuicVarint.Write(buffer, QuicVarint.MaxValue + 1));
        Assert.ThrowsAny<ArgumentException>(() => QuicVarint.Write(buffer.AsSpan(0, 1), 64));
    }
}
