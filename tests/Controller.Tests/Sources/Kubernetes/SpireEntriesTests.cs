using Culvert.Controller.Identity.Spire.Entries;
using Culvert.Controller.Tests.Identity.Spire;
using Culvert.Kubernetes.Tests.Support;
using Culvert.Protocol;
using Culvert.Protocol.SpireTypes;
using Culvert.Tests.Shared.Spire;

namespace Culvert.Controller.Tests.Kubernetes;

/// <summary>Entries of a cluster's pods at a SPIRE server.</summary>
[Collection(TestClusterCollection.Name)]
public sealed class SpireEntriesTests(TestCluster cluster)
{
    [Fact]
    public async Task OneOfTheControllersKeepsThemAndAnotherOneWhenThatGoes()
    {
        await using StandInSpire spire = await StandInSpire.StartAsync();
        string before = await cluster.NamespaceAsync(), after = await cluster.NamespaceAsync();
        RunningOnCluster? second = null;
        try
        {
            await cluster.KubectlAsync($"apiVersion: culvert.dev/v1alpha1\nkind: MeshConfig\nmetadata: {{name: default}}\nspec: {{trustDomain: {StandInSpire.TrustDomain}}}");
            await cluster.KubectlAsync("apiVersion: v1\nkind: Node\nmetadata: {name: n9}\n");
            string uid = await cluster.Server.KubectlAsync("", "get", "node", "n9", "-o", "jsonpath={.metadata.uid}");
            await cluster.PodAsync(before, "web", "10.44.0.1", node: "n9");
            await using (RunningOnCluster first = await ControllerAsync(spire))
            {
                await Soon.Holds("the first pod's entry is there", () => Of(spire, before) is not null);
                Assert.Equal($"/spire/agent/k8s_psat/c/{uid}", Of(spire, before)!.ParentId.Path);

                // While one leads the other one asks nothing.
                second = await ControllerAsync(spire);
                await cluster.PodAsync(after, "web", "10.44.0.2", node: "n9");
                await Soon.Holds("the second pod's entry is there", () => Of(spire, after) is not null);
                await Soon.Holds("the other one knows of it", () => second.Host.SnapshotFor("n9").Workloads.ContainsKey($"{after}/web"));
                Assert.Equal(1, spire.Entries.Count("ListEntries"));
            }
            await Soon.Holds("the other one has read them", () => spire.Entries.Count("ListEntries") > 1);
            await cluster.Server.KubectlAsync("", "delete", "pod", "web", "-n", before, "--grace-period=0", "--force");
            await Soon.Holds("the entry has gone with its pod", () => Of(spire, before) is null);
            Assert.Equal(0, Of(spire, after)!.RevisionNumber);
        }
        finally
        {
            if (second is not null) await second.DisposeAsync();

            // Other tests count the nodes that have pods.
            foreach (string ns in new[] { before, after }) await cluster.Server.KubectlAsync("", "delete", "pod", "web", "-n", ns, "--grace-period=0", "--force", "--ignore-not-found");
            await cluster.Server.KubectlAsync("", "delete", "meshconfig.culvert.dev", "default", "--ignore-not-found");
            await cluster.Server.KubectlAsync("", "delete", "node", "n9", "--ignore-not-found");
        }
    }

    private Task<RunningOnCluster> ControllerAsync(StandInSpire spire)
    {
        Assert.True(SpiffeEndpoint.TryParse("unix://" + spire.ServerSocket, out SpiffeEndpoint? socket, out string? error), error);
        SpireEntryOptions entries = Kept.SomeOptions() with { Gathering = TimeSpan.FromMilliseconds(10), Linger = TimeSpan.FromMilliseconds(10), FirstRetry = TimeSpan.FromMilliseconds(10) };
        return RunningOnCluster.StartAsync(cluster.Options(), change: o => o with { Spire = new() { Socket = socket }, SpireEntries = entries });
    }

    private static Entry? Of(StandInSpire spire, string ns) => spire.Entries.All.SingleOrDefault(e => e.SpiffeId.Path == $"/ns/{ns}/sa/default");
}
