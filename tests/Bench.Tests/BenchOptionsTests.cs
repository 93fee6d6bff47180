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

    [Fact]
    public void TheFarWireIsAsAsked()
    {
        BenchOptions options = BenchOptions.Parse(["--far-ms", "20", "--far-loss", "5"]);
        Assert.Equal((TimeSpan.FromMilliseconds(10), 0.05), (options.FarWire.Delay, options.FarWire.Loss));
    }

    [Theory]
    [InlineData("--fast")]
    [InlineData("--rounds")]
    [InlineData("--rounds", "0")]
    [InlineData("--rounds", "many")]
    [InlineData("--far-ms", "1")]
    [InlineData("--far-loss", "51")]
    [InlineData("--scale-nodes", "100,9")]
    [InlineData("--scale-changes", "0")]
    [InlineData("--identity-nodes", "1")]
    public void BadOptionIsNamed(params string[] args)
    {
        ArgumentException e = Assert.Throws<ArgumentException>(() => BenchOptions.Parse(args));
        Assert.Contains(args[0], e.Message);
    }
}
