using Culvert.NodeAgent.Datapath;

namespace Culvert.NodeAgent.Tests.Datapath;

/// <summary>How the flow table is shared out.</summary>
public sealed class FlowSharesTests
{
    [Theory]
    [InlineData(262_144u, 1, 98_304u, 98_304u, 32_768u)]
    [InlineData(262_144u, 4, 24_576u, 24_576u, 32_768u)]
    [InlineData(262_144u, 200, 16_384u, 491u, 32_768u)]
    [InlineData(262_144u, 200_000, 16_384u, 1u, 32_768u)]
    [InlineData(1024u, 0, 384u, 384u, 128u)]
    public void ExternalClientsHaveAQuarterAndNoPodMoreThanItsShare(uint entries, int pods, uint pod, uint fair, uint external) =>
        Assert.Equal(new FlowShares(pod, fair, external), FlowShares.Of(entries, pods));

    [Theory, InlineData(262_144u, 32_768u), InlineData(1024u, 128u), InlineData(2u, 1u)]
    public void LentPlacesAreAQuarter(uint entries, uint lent) => Assert.Equal(lent, FlowShares.Lent(entries));

    [Theory, InlineData(262_144u, 8192u), InlineData(1024u, 32u), InlineData(2u, 1u)]
    public void HalfOpenFlowsAreASmallPart(uint entries, uint halfOpen) => Assert.Equal(halfOpen, FlowShares.HalfOpen(entries));
}
