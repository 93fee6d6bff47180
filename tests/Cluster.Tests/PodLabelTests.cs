using Culvert.ClusterTests.Support;
using Culvert.Labs;

namespace Culvert.ClusterTests;

/// <summary>Pods whose own label, which comes and goes while they run, says that they are in the mesh or not, whatever their namespace says.</summary>
[Collection(MeshCollection.Name)]
public sealed class PodLabelTests(InstalledMesh mesh)
{
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(30);
    private static readonly string[] Nodes = ["node1", "node2"];

    [Fact]
    public async Task A_client_that_is_labelled_out_leaves_with_what_it_has_open_and_comes_back()
    {
        InstalledMesh.SkipUnlessThere();
        var client = await mesh.ShopPodAsync("client", "node1");
        var before = await ContainersAsync(client);
        await OpenAsync(client, (await mesh.ShopPodAsync("web", "node2")).Address);
        await mesh.LabelAsync(client, "disabled");
        try
        {
            await LabWait.UntilAsync("it is let go", async () => !await mesh.IsCapturedAsync(client), Deadline);
            await LabWait.UntilAsync("the connection that the proxy has carried ends", async () => await mesh.ScriptAsync(client, "cat /tmp/ended 2> /dev/null || true") == "ended without an answer\n", Deadline);
            foreach (var node in Nodes) Assert.Empty(await mesh.AskAsync(client, (await mesh.ShopPodAsync("web", node)).Address));
            Assert.Contains($"shop/{(await mesh.ShopPodAsync("web", "node1")).Name}", await mesh.CapturedAsync("node1"));
        }
        finally
        {
            await mesh.ScriptAsync(client, "touch /tmp/close; rm -f /tmp/ended");
            await mesh.LabelAsync(client, null);
        }

        await mesh.UntilAllIsWellAsync();
        Assert.Equal(before, await ContainersAsync(client));
    }

    [Fact]
    public async Task A_server_that_is_labelled_out_is_guarded_by_nothing_until_it_is_back()
    {
        InstalledMesh.SkipUnlessThere();
        var server = await mesh.ShopPodAsync("web", "node2");
        var before = await ContainersAsync(server);
        await mesh.AsOutsiderAsync("node1", async outsider =>
        {
            Assert.Empty(await mesh.AskAsync(outsider, server.Address));
            await mesh.LabelAsync(server, "disabled");
            try
            {
                foreach (var client in new[] { outsider, await mesh.ShopPodAsync("client", "node1") }) await UntilAnsweredAsync(client, server);
                Assert.False(await mesh.IsCapturedAsync(server));
            }
            finally
            {
                await mesh.LabelAsync(server, null);
            }

            await UntilRefusedAsync(outsider, server);
        });
        await mesh.UntilAllIsWellAsync();
        Assert.Equal(before, await ContainersAsync(server));
    }

    [Fact]
    public async Task A_pod_of_another_namespace_is_a_member_while_it_is_labelled_in()
    {
        InstalledMesh.SkipUnlessThere();
        var servers = await Task.WhenAll(Nodes.Select(n => mesh.ShopPodAsync("web", n)));
        await mesh.AsOutsiderAsync("node1", async outsider =>
        {
            foreach (var server in servers) Assert.Empty(await mesh.AskAsync(outsider, server.Address));
            await mesh.LabelAsync(outsider, "enabled");
            await LabWait.UntilAsync("it is captured", () => mesh.IsCapturedAsync(outsider), Deadline);
            var member = Assert.Single((await mesh.StatusAsync("node1"))["workloads"]!.AsArray(), w => w!["uid"]!.GetValue<string>() == "default/outsider");
            Assert.Equal("spiffe://example.org/ns/default/sa/default", member!["identity"]!.GetValue<string>());
            foreach (var server in servers) await UntilAnsweredAsync(outsider, server);

            await mesh.LabelAsync(outsider, null);
            await LabWait.UntilAsync("it is let go", async () => !await mesh.IsCapturedAsync(outsider), Deadline);
            foreach (var server in servers) Assert.Empty(await mesh.AskAsync(outsider, server.Address));
        });
    }

    /// <summary>Opens a connection whose request never ends. When the connection does, <c>/tmp/ended</c> says whether anything was answered.</summary>
    private async Task OpenAsync(InstalledMesh.Pod client, string address)
    {
        await mesh.ScriptAsync(client, $$"""
            rm -f /tmp/close /tmp/ended
            (
              { printf 'GET / HTTP/1.0\r\n'; while [ ! -e /tmp/close ]; do sleep 1; done; } | {
                nc {{address}} {{InstalledMesh.Port}} > /tmp/answer
                if [ -s /tmp/answer ]; then echo ended with an answer; else echo ended without an answer; fi > /tmp/ended
              }
            ) > /dev/null 2>&1 &
            """);
        await LabWait.UntilAsync("the proxy carries it", async () => (await mesh.StatusAsync(client.Node))["openConnections"]!.GetValue<int>() > 0, Deadline);
    }

    private Task UntilAnsweredAsync(InstalledMesh.Pod client, InstalledMesh.Pod server) =>
        LabWait.UntilAsync($"{server.Node} answers {client.Name}", async () => (await mesh.AskAsync(client, server.Address)).Contains($"hello from {server.Node}", StringComparison.Ordinal), Deadline);

    private Task UntilRefusedAsync(InstalledMesh.Pod client, InstalledMesh.Pod server) =>
        LabWait.UntilAsync($"{server.Node} refuses {client.Name}", async () => (await mesh.AskAsync(client, server.Address)).Length == 0, Deadline);

    /// <summary>What a pod runs, which is another one after a restart.</summary>
    private Task<string> ContainersAsync(InstalledMesh.Pod pod) => mesh.Cluster.KubectlAsync("-n", pod.Namespace, "get", "pod", pod.Name, "-o", "jsonpath={.status.containerStatuses[*].containerID}");
}
