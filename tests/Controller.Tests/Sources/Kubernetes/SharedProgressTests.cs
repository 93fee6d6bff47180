using System.Text.Json;
using Culvert.Controller.Progress;
using Culvert.Controller.Sources.Kubernetes;
using Culvert.Kubernetes.Client;
using Culvert.Kubernetes.Resources;
using Culvert.Kubernetes.Tests.Support;
using k8s.Models;

namespace Culvert.Controller.Tests.Kubernetes;

/// <summary>Controllers of one mesh tell each other what their nodes have taken up, and the one that writes statuses counts them all.</summary>
[Collection(TestClusterCollection.Name)]
public sealed class SharedProgressTests(TestCluster cluster)
{
    private static readonly ResourceName Map = new("culvert-system", "culvert-progress");

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task AnObjectIsInForceWhenTheNodesOfAllControllersHaveIt()
    {
        await cluster.InstallControllerAsync();
        await EmptyAsync();
        string ns = await cluster.NamespaceAsync();
        await cluster.PodAsync(ns, "web", "10.9.7.1");
        await cluster.PodAsync(ns, "other", "10.9.7.2", node: "n2");
        try
        {
            await using RunningOnCluster one = await StartAsync(), other = await StartAsync();
            await one.FollowAsync("n1");
            using FakeAgent slow = FakeAgent.OverSocket(other.Socket, "n2");
            await slow.OpenAsync();
            while (!slow.Snapshot.Workloads.ContainsKey($"{ns}/other")) await slow.NextAsync();
            await Soon.Holds("both tell", async () => (await MapAsync()).Data.Count == 2);

            await cluster.KubectlAsync($"apiVersion: culvert.dev/v1alpha1\nkind: AuthorizationPolicy\nmetadata: {{name: p, namespace: {ns}}}\nspec: {{action: ALLOW, rules: [{{}}]}}");
            Culvert.Protocol.V1.SnapshotResponse told = await slow.ReceiveAsync();

            // Another controller's nodes are heard of a moment later.
            Condition waits = await ProgrammedAsync(ns, c => c?.Message == "in force on 1 of 2 nodes that have workloads of the mesh; not yet on n2");
            Assert.Equal(("False", "Pending"), (waits.Status, waits.Reason));
            await slow.SendAsync(new() { Ack = new() { Version = told.Version } });
            Condition inForce = await ProgrammedAsync(ns, c => c?.Status == "True");
            Assert.Equal(("InForce", "in force on all 2 nodes that have workloads of the mesh"), (inForce.Reason, inForce.Message));
        }
        finally
        {
            await cluster.Server.KubectlAsync("", "delete", "pod", "other", "-n", ns, "--force", "--grace-period=0");
        }

        // Who ends takes out what it has said.
        await Soon.Holds("nobody tells", async () => (await MapAsync()).Data.Count == 0);
    }

    [Fact]
    public async Task WhatNobodyKeepsUpIsTakenOut()
    {
        await cluster.InstallControllerAsync();
        await EmptyAsync();
        ProgressDocument old = new(DateTimeOffset.UtcNow - TimeSpan.FromHours(2), [], new Dictionary<string, string>()), recent = old with { Written = DateTimeOffset.UtcNow };
        await WriteAsync(new() { ["old"] = JsonSerializer.Serialize(old, ProgressJson.Default.ProgressDocument), ["recent"] = JsonSerializer.Serialize(recent, ProgressJson.Default.ProgressDocument), ["other"] = "{" });
        await using (RunningOnCluster controller = await StartAsync())
        {
            await controller.FollowAsync("n1");
            await Soon.Holds("the old and what can't be read are gone", async () => (await MapAsync()).Data is { Count: 2 } data && data.ContainsKey("recent") && !data.ContainsKey("old"));

            // Somebody empties it.
            await EmptyAsync();
            await Soon.Holds("it tells again", async () => (await MapAsync()).Data.Count == 1);
        }
        Assert.Empty((await MapAsync()).Data);
    }

    private Task<RunningOnCluster> StartAsync() => RunningOnCluster.StartAsync(cluster.Options(), null, o => o with { ProgressConfigMap = Map });

    private async Task EmptyAsync()
    {
        if ((await MapAsync()).Data is { Count: > 0 } data) await WriteAsync(data.Keys.ToDictionary(k => k, _ => (string?)null));
    }

    private Task<V1ConfigMap> MapAsync() => cluster.Admin.Resource(KnownResources.ConfigMaps).GetAsync(Map, Stop);

    private Task WriteAsync(Dictionary<string, string?> data) =>
        cluster.Admin.Resource(KnownResources.ConfigMaps).PatchAsync(Map, Patch.Merge(JsonSerializer.SerializeToUtf8Bytes(new(data), ApiJson.Default.ConfigMapPatch)), null, Stop);

    private async Task<Condition> ProgrammedAsync(string ns, Func<Condition?, bool> isWanted)
    {
        Condition? found = null;
        await Soon.Holds("the policy's status is as wanted", async () =>
        {
            ApiDocument policy = await cluster.Admin.Resource(TestCluster.KindOf("AuthorizationPolicy").Type).GetAsync(new(ns, "p"), Stop);
            return isWanted(found = policy.Conditions.FirstOrDefault(c => c.Type == StatusConditions.Programmed));
        }, () => found?.ToString() ?? "none");
        return found!;
    }
}
