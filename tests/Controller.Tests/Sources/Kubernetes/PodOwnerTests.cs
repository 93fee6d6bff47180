using Culvert.Controller.Sources.Kubernetes;
using Culvert.Core;
using k8s.Models;

namespace Culvert.Controller.Tests.Sources.Kubernetes;

/// <summary>What a pod belongs to.</summary>
public sealed class PodOwnerTests
{
    [Theory]
    [InlineData("apps/v1", "ReplicaSet", "web-5d4f8c7b9", "5d4f8c7b9", "Deployment shop/web")]
    [InlineData("apps/v1", "ReplicaSet", "web-v2-5d4f8c7b9", "5d4f8c7b9", "Deployment shop/web-v2")]
    [InlineData("apps/v1", "ReplicaSet", "web", "5d4f8c7b9", null)] // of nobody
    [InlineData("apps/v1", "ReplicaSet", "-5d4f8c7b9", "5d4f8c7b9", null)]
    [InlineData("apps/v1", "ReplicaSet", "web-5d4f8c7b9", "", null)]
    [InlineData("apps/v1", "DaemonSet", "web", "", "DaemonSet shop/web")]
    [InlineData("apps/v1", "StatefulSet", "web", "", "StatefulSet shop/web")]
    [InlineData("batch/v1", "Job", "web", "", null)]
    [InlineData("example.org/v1", "StatefulSet", "web", "", null)]
    public void IsWhoHasMadeIt(string version, string kind, string name, string hash, string? owner)
    {
        V1Pod pod = new() { Metadata = new V1ObjectMeta { NamespaceProperty = "shop", Name = "p", Labels = new Dictionary<string, string> { ["pod-template-hash"] = hash }, OwnerReferences = [new V1OwnerReference { ApiVersion = version, Kind = kind, Name = name, Controller = true }] } };
        Assert.Equal(owner, PodOwner.Of(pod)?.ToString());
    }

    [Theory]
    [InlineData("apps/v1", "ReplicaSet", "web-5d4f8c7b9", "5d4f8c7b9", WorkloadOwnerKind.Deployment, "web")]
    [InlineData("apps/v1", "StatefulSet", "db", "", WorkloadOwnerKind.StatefulSet, "db")]
    [InlineData("apps/v1", "DaemonSet", "log", "", WorkloadOwnerKind.DaemonSet, "log")]
    [InlineData("batch/v1", "Job", "report-29", "", WorkloadOwnerKind.Job, "report-29")]
    public void ItsManagerMayBeAJobToo(string version, string kind, string name, string hash, WorkloadOwnerKind ownerKind, string owner)
    {
        V1Pod pod = new() { Metadata = new V1ObjectMeta { NamespaceProperty = "shop", Name = "p", Labels = new Dictionary<string, string> { ["pod-template-hash"] = hash }, OwnerReferences = [new V1OwnerReference { ApiVersion = version, Kind = kind, Name = name, Controller = true }] } };
        Assert.Equal(new WorkloadOwner(ownerKind, owner), PodOwner.ManagerOf(pod));
    }

    [Fact]
    public void WhoDoesNotManageItIsNone()
    {
        V1OwnerReference owner = new() { ApiVersion = "apps/v1", Kind = "DaemonSet", Name = "web" };
        Assert.Null(PodOwner.Of(new V1Pod { Metadata = new V1ObjectMeta { NamespaceProperty = "shop", OwnerReferences = [owner] } }));
        Assert.Null(PodOwner.Of(new V1Pod { Metadata = new V1ObjectMeta { NamespaceProperty = "shop", OwnerReferences = [] } }));
    }
}
