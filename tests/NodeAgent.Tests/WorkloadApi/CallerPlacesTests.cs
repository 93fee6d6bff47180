using Culvert.NodeAgent.WorkloadApi;
using Culvert.Tests.Shared;

namespace Culvert.NodeAgent.Tests.WorkloadApi;

/// <summary>Places of workloads, and of those who are none.</summary>
public sealed class CallerPlacesTests
{
    private readonly CallerPlaces _places = new(new ManualTime());

    [Fact]
    public void AllHaveRoomOfAFullNode() =>
        Assert.True((250 * CallerPlaces.MostConnections) + ((CallerPlaces.MostGroups + 1) * CallerPlaces.MostConnectionsOfNobody) <= CallerConnections.Most);

    [Fact]
    [Trait("Category", "Attack")]
    public void WhoIsNoWorkloadTakesTheConnectionsOfItsGroupAndNoOthers()
    {
        List<IDisposable> taken = [];
        for (int i = 0; i < CallerPlaces.MostConnectionsOfNobody; i++) taken.Add(Connect("many")!);
        Assert.All(taken, place => Assert.NotNull(place));
        Assert.Null(Connect("many"));
        using (IDisposable? other = Connect("another")) Assert.NotNull(other);

        // Nor those of a workload, whatever it is called.
        using (IDisposable? workload = _places.TryConnect(new Attestation("many", new AttestedCaller("many", null, 1, 0), true))) Assert.NotNull(workload);
        taken[0].Dispose();
        Assert.NotNull(Connect("many"));
    }

    [Fact]
    [Trait("Category", "Attack")]
    public void GroupsThatAreTooManyShareThePlacesOfOne()
    {
        for (int i = 0; i < CallerPlaces.MostGroups; i++) Assert.NotNull(Connect($"group-{i}"));
        for (int i = 0; i < CallerPlaces.MostConnectionsOfNobody; i++) Assert.NotNull(Connect($"further-{i}"));
        Assert.Null(Connect("one more"));
        Assert.NotNull(Connect("group-0"));
    }

    [Fact]
    [Trait("Category", "Attack")]
    public void WhoIsNoWorkloadCallsTooOftenForItsGroupOnly()
    {
        for (int i = 0; i < CallerPlaces.CallBurst; i++)
        {
            using IDisposable? call = _places.TryCall(new Attestation("many", null, true), out _);
            Assert.NotNull(call);
        }
        Assert.Null(_places.TryCall(new Attestation("many", null, true), out _));
        Assert.NotNull(_places.TryCall(new Attestation("another", null, true), out _));
    }

    private IDisposable? Connect(string group) => _places.TryConnect(new Attestation(group, null, true));
}
