using Culvert.ClusterTests.Support;
using Culvert.Labs;

namespace Culvert.ClusterTests;

/// <summary>Pods that are captured inside their network namespaces, by the agents as the DaemonSet has them.</summary>
[Collection(MeshCollection.Name)]
public sealed class InsideTests(InstalledMesh mesh)
{
    private const string AgentArguments = "/spec/template/spec/containers/0/args/-";
    private static readonly string[] Rollout = ["-n", "culvert-system", "rollout", "status", "daemonset/culvert-agent", "--timeout=180s"];

    [Fact]
    public async Task All_pods_of_the_nodes_are_captured_inside_and_let_go_of_again()
    {
        InstalledMesh.SkipUnlessThere();
        await mesh.Cluster.KubectlAsync("-n", "culvert-system", "patch", "daemonset", "culvert-agent", "--type=json", "-p", $$"""[{"op":"add","path":"{{AgentArguments}}","value":"--capture=inside"}]""");
        try
        {
            await mesh.Cluster.KubectlAsync(Rollout);
            foreach (var node in new[] { "node1", "node2" }) await LabWait.UntilAsync($"{node} captures inside", async () => await InsideReasonsAsync(node) is [_, _, ..] reasons && reasons.All(r => r.Contains("--capture inside", StringComparison.Ordinal)), TimeSpan.FromSeconds(60));
            await mesh.UntilAllIsWellAsync();

            // Nobody who is not in the mesh gets in, and it is by the mesh that the others do.
            var web = await mesh.ShopPodAsync("web", "node1");
            await mesh.AsOutsiderAsync("node1", async outsider => Assert.Empty(await mesh.AskAsync(outsider, web.Address)));
        }
        finally
        {
            await mesh.Cluster.KubectlAsync("-n", "culvert-system", "rollout", "undo", "daemonset/culvert-agent");
            await mesh.Cluster.KubectlAsync(Rollout);
        }

        foreach (var node in new[] { "node1", "node2" }) await LabWait.UntilAsync($"{node} captures at the host's end", async () => await InsideReasonsAsync(node) is [_, _, ..] reasons && reasons.All(r => r.Length == 0), TimeSpan.FromSeconds(60));
        await mesh.UntilAllIsWellAsync();
    }

    private async Task<string[]> InsideReasonsAsync(string node) => [.. (await mesh.StatusAsync(node))["workloads"]!.AsArray().Select(w => w!["insideReason"]?.GetValue<string>() ?? "")];
}
