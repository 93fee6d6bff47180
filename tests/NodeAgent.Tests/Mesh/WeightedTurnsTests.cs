using Culvert.NodeAgent.Mesh;

namespace Culvert.NodeAgent.Tests.Mesh;

public sealed class WeightedTurnsTests
{
    [Theory]
    [InlineData(new ushort[] { 1, 1, 1 }, new[] { 1, 1, 1 })]
    [InlineData(new ushort[] { 5, 1, 1 }, new[] { 5, 1, 1 })]
    [InlineData(new ushort[] { 300, 100 }, new[] { 3, 1 })]
    public void EachHasItsShare(ushort[] weights, int[] shares) =>
        Assert.Equal(shares, WeightedTurns.Order(weights).CountBy(owner => owner).OrderBy(c => c.Key).Select(c => c.Value));

    [Fact]
    public void AHeavyOneDoesNotGetItsShareInOneGo()
    {
        int[] order = WeightedTurns.Order([4, 4, 1]);
        Assert.All(Enumerable.Range(0, order.Length), i => Assert.NotEqual((order[i], order[i]), (order[(i + 1) % order.Length], order[(i + 2) % order.Length])));
    }

    [Fact]
    public void EveryBackendOfManyHasATurn() => Assert.Equal(1000, WeightedTurns.Order([.. Enumerable.Repeat((ushort)7, 999), 60_000]).Distinct().Count());
}
