using Culvert.NodeAgent.Datapath.Delivery;

namespace Culvert.NodeAgent.Tests.Datapath;

/// <summary>What is made of what has become of probes.</summary>
public sealed class DeliveryFindingTests
{
    private const DeliveryResult Unknown = DeliveryResult.Unknown, Gone = DeliveryResult.Gone, Delivered = DeliveryResult.Delivered, Lost = DeliveryResult.Lost;

    [Theory]
    [InlineData(Unknown, Unknown, false, false, null)]
    [InlineData(Delivered, Unknown, true, false, null)]
    [InlineData(Delivered, Delivered, true, false, null)]
    [InlineData(Lost, Unknown, true, false, "IPv4")]
    [InlineData(Delivered, Lost, true, false, "IPv6")]
    [InlineData(Lost, Lost, true, false, "IPv4 and IPv6")]
    [InlineData(Gone, Unknown, false, true, null)]
    [InlineData(Delivered, Gone, false, true, null)]
    internal void IsReadByFamily(DeliveryResult v4, DeliveryResult v6, bool isKnown, bool isGone, string? lost)
    {
        DeliveryFinding finding = new(v4, v6);
        Assert.Equal((isKnown, isGone, lost), (finding.IsKnown, finding.IsGone, finding.Lost));
    }

    [Theory]
    [InlineData(Unknown, Unknown, Lost, Delivered, Lost, Delivered)]
    [InlineData(Delivered, Unknown, Lost, Lost, Delivered, Lost)]
    [InlineData(Lost, Delivered, Unknown, Lost, Lost, Delivered)]
    internal void TellsOfAFamilyWhatItWasAskedLast(DeliveryResult v4, DeliveryResult v6, DeliveryResult before4, DeliveryResult before6, DeliveryResult then4, DeliveryResult then6) =>
        Assert.Equal(new DeliveryFinding(then4, then6), new DeliveryFinding(v4, v6).After(new DeliveryFinding(before4, before6)));
}
