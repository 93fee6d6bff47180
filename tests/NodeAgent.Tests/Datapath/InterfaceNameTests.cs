using Culvert.Core;

namespace Culvert.NodeAgent.Tests.Datapath;

/// <summary>Names of interfaces that a BPF file system would not take. Needs root.</summary>
public sealed class InterfaceNameTests
{
    [Fact]
    public void AnInterfaceWithADotInItsNameIsGuardedAndTakenOverLikeAnyOther()
    {
        Assert.SkipUnless(Environment.IsPrivilegedProcess, "needs root for BPF");
        using ReconcilerFixture node = new();
        node.World.Ip("link set up0 down");
        node.World.Ip("link set up0 name eth0.100 up");
        NodeSnapshot snapshot = ReconcilerFixture.Snapshot(ReconcilerFixture.Pod("first", "10.7.0.2", "eth0.100"));
        node.Apply(snapshot);
        string[] pins = [.. Directory.GetFiles(node.World.Pins.Links).Order(StringComparer.Ordinal)];
        Assert.Equal(["eth0.100 cv_from_pod", "eth0.100 cv_to_pod"], node.Attached);

        node.Restart();
        node.Apply(snapshot);
        Assert.Equal(["eth0.100 cv_from_pod", "eth0.100 cv_to_pod"], node.Attached);
        Assert.Equal(pins, Directory.GetFiles(node.World.Pins.Links).Order(StringComparer.Ordinal));

        node.Apply(ReconcilerFixture.Snapshot());
        Assert.Empty(node.Attached);
        Assert.Empty(Directory.GetFiles(node.World.Pins.Links));
    }
}
