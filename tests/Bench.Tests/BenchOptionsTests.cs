namespace Culvert.Bench.Tests;

public sealed class BenchOptionsTests
{
    [Fact]
    public void OnlyFiltersByPartOfAName()
    {
        BenchOptions options = BenchOptions.Parse(["--only", "cross_node.p", "--only", "rss", "--rounds", "7"]);
        Assert.Equal(7, options.Rounds);
        Assert.True(options.Wants("l4.cross_node.p99"));
        Assert.True(options.Wants("agent.rss"));
        Assert.False(options.Wants("l4.cross_node.rps"));
    }

    [Theory]
    [InlineData("--fast")]
    [InlineData("--rounds")]
    [InlineData("--rounds", "0")]
    [InlineData("--rounds", "many")]
    public void BadOptionIsNamed(params string[] args)
    {
        ArgumentException e = Assert.Throws<ArgumentException>(() => BenchOptions.Parse(args));
        Assert.Contains(args[0], e.Message);
    }
}
