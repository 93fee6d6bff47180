namespace Culvert.Core.Tests;

public sealed class IdAllocatorTests
{
    [Fact]
    public void KeepsNumbersAndNeverReusesThem()
    {
        var ids = new IdAllocator();
        Assert.Equal((1u, 2u, 1u), (ids.GetOrAdd("a"), ids.GetOrAdd("b c"), ids.GetOrAdd("a")));
        var restored = IdAllocator.Parse(ids.Serialize());
        Assert.Equal((2u, 3u), (restored.GetOrAdd("b c"), restored.GetOrAdd("d")));
    }

    [Theory]
    [InlineData("")]
    [InlineData("x\n")]
    [InlineData("1\n1 a")]
    [InlineData("1\n2 a\n")]
    [InlineData("1\n0 a\n")]
    [InlineData("2\n1 a\n1 b\n")]
    [InlineData("2\n1 a\n2 a\n")]
    [InlineData("1\n1\n")]
    public void RejectsDamagedState(string text) => Assert.Throws<FormatException>(() => IdAllocator.Parse(text));

    [Fact]
    public void PolicyIdsRoundTrip()
    {
        var ids = new PolicyIds();
        ids.Classes.GetOrAdd("c");
        ids.Rules.GetOrAdd("r");
        Assert.Equal(ids.Serialize(), PolicyIds.Parse(ids.Serialize()).Serialize());
        Assert.Throws<FormatException>(() => PolicyIds.Parse("0\n"));
    }
}
