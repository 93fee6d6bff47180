using System.Net;
using Culvert.Controller.Snapshots;
using Culvert.Core;

namespace Culvert.Controller.Tests;

public sealed class CatalogBuilderTests
{
    /// <summary>Whoever may make a pod may name a node in it that there is none of.</summary>
    [Fact]
    [Trait("Category", "Attack")]
    public void A_workload_without_an_address_is_on_no_node_that_counts()
    {
        CatalogBuilder catalog = new(0);
        Assert.Empty(NodesWith(Pod(null)));
        Assert.Equal(["n"], NodesWith(Pod("10.0.0.1")));
        Assert.Equal(["n"], NodesWith(Pod("10.0.0.2")));
        Assert.Empty(NodesWith(Pod(null)));
        Assert.Empty(NodesWith(Pod("10.0.0.1") with { Enrolled = false }));

        IEnumerable<string> NodesWith(WorkloadInfo pod)
        {
            catalog.SetWorkload(pod.Uid, pod);
            return catalog.Build(1, 0, 0).EnrolledNodes;
        }
    }

    private static WorkloadInfo Pod(string? address) => new()
    {
        Uid = "shop/w",
        Name = new("shop", "w"),
        ServiceAccount = "w",
        Identity = SpiffeId.ForServiceAccount("example.org", "shop", "w"),
        Node = "n",
        Addresses = address is null ? [] : [IPAddress.Parse(address)],
        Enrolled = true,
    };
}
