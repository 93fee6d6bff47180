using Culvert.Core;
using Culvert.NodeAgent.Tests.Datapath;

namespace Culvert.NodeAgent.Tests.Cni;

/// <summary>Pods that the controller has told of before they have an address, in the kernel.</summary>
public sealed class StartingPodTests : IDisposable
{
    private static readonly WorkloadInfo Web = ReconcilerFixture.Pod("web", "10.7.0.2") with { PodUid = "uid-web" };
    private static readonly WorkloadInfo Starting = Web with { Addresses = [], HostInterface = null };
    private readonly ReconcilerFixture _agent = new();

    public void Dispose() => _agent.Dispose();

    [Fact]
    public void OneThatStartsIsNeitherCapturedNorMissing()
    {
        _agent.Apply(ReconcilerFixture.Snapshot(Starting));
        Assert.Empty(_agent.State.Current.Endpoints);
        Assert.Empty(_agent.State.Current.NotCaptured);
        Assert.Empty(_agent.State.Current.Quarantined);
        _agent.Apply(ReconcilerFixture.Snapshot(Web));
        Assert.Equal("10.7.0.2", string.Join(' ', Assert.Single(_agent.State.Current.Endpoints).Workload.Addresses));
    }

    [Fact]
    public void OneThatWasCapturedAndThatNothingIsKnownOfAnyMoreIsGuarded()
    {
        _agent.Apply(ReconcilerFixture.Snapshot(Web));
        _agent.Restart();
        _agent.Apply(ReconcilerFixture.Snapshot(Starting));
        Assert.Equal("up0", Assert.Single(_agent.State.Current.Quarantined).Interface);
        Assert.NotEmpty(_agent.Attached);
        _agent.Apply(ReconcilerFixture.Snapshot(Web));
        Assert.Single(_agent.State.Current.Endpoints);
        Assert.Empty(_agent.State.Current.Quarantined);
    }
}
