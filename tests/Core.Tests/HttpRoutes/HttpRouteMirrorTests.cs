namespace Culvert.Core.Tests.HttpRoutes;

/// <summary>Of how many requests there are copies, and what a rule leads to.</summary>
public sealed class HttpRouteMirrorTests
{
    private static readonly NamespacedName Web = new("shop", "web"), Next = new("shop", "next");

    [Theory]
    [InlineData(0, 100, 0, 0)]
    [InlineData(100, 100, 1000, 1000)]
    [InlineData(1, 1, 1000, 1000)]
    [InlineData(25, 100, 180, 320)]
    [InlineData(1, 4, 180, 320)]
    [InlineData(int.MaxValue - 1, int.MaxValue, 1000, 1000)]
    [InlineData(1, int.MaxValue, 0, 0)]
    public void AsManyAreDrawnAsIsSaid(int numerator, int denominator, int least, int most)
    {
        Random random = new(1);
        HttpRouteMirror mirror = new(Web, 80, numerator, denominator);
        Assert.InRange(Enumerable.Range(0, 1000).Count(_ => mirror.IsDrawn(random)), least, most);
    }

    [Fact]
    public void ARuleLeadsToItsBackendsAndItsMirrors()
    {
        HttpRouteRule rule = new() { Backends = [new(Web, 80), new(null, 0)], Filters = new() { Mirrors = [new(Next, 81)] } };
        Assert.Equal([(Web, (ushort)80), (Next, (ushort)81)], rule.Targets);
    }
}
