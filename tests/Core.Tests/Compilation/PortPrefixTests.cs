namespace Culvert.Core.Tests.Compilation;

public sealed class PortPrefixTests
{
    [Theory]
    [InlineData(80, 80, "80")]
    [InlineData(0, 65535, "0/0")]
    [InlineData(8, 13, "8/14 12/15")]
    [InlineData(1, 4, "1 2/15 4")]
    [InlineData(65535, 65535, "65535")]
    public void A_range_is_covered_by_prefixes(int first, int last, string expected)
    {
        Assert.Equal(expected, string.Join(' ', PortPrefix.Cover((ushort)first, (ushort)last)));
    }

    [Fact]
    public void Any_range_is_covered_once_by_few()
    {
        Random random = new(3);
        for (int i = 0; i < 500; i++)
        {
            int a = random.Next(65536), b = random.Next(65536), first = Math.Min(a, b), last = Math.Max(a, b);
            PortPrefix[] cover = [.. PortPrefix.Cover((ushort)first, (ushort)last)];
            Assert.InRange(cover.Length, 1, 30);
            int next = first;
            foreach (PortPrefix prefix in cover)
            {
                Assert.Equal(next, prefix.Value);
                Assert.Equal(prefix, PortPrefix.Of(prefix.Value, prefix.Length));
                next += 1 << (PortPrefix.Bits - prefix.Length);
                Assert.True(prefix.Contains((ushort)(next - 1)));
                Assert.False(prefix.Length > 0 && prefix.Contains((ushort)next));
            }
            Assert.Equal(last + 1, next);
        }
    }
}
