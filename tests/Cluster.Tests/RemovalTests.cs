using Culvert.ClusterTests.Support;
using Culvert.Labs;
using Culvert.Tests.Shared;

namespace Culvert.ClusterTests;

/// <summary>What is left of a mesh that is taken out of a cluster, step by step as the documents have it: nothing.</summary>
[Collection("cluster")]
public sealed class RemovalTests(InstalledMesh mesh) : IClassFixture<InstalledMesh>
{
    [Fact]
    public async Task A_mesh_that_is_removed_leaves_nodes_and_pods_as_they_were()
    {
        InstalledMesh.SkipUnlessThere();
        var cluster = mesh.Cluster;
        var client = await mesh.ShopPodAsync("client", "node1");
        var far = await mesh.ShopPodAsync("web", "node2");
        Assert.Contains("hello from node2", await mesh.AskAsync(client, far.Address), StringComparison.Ordinal);
        await cluster.KubectlAsync("label", "namespace", "shop", "culvert.dev/mesh-");
        foreach (var node in new[] { "node1", "node2" }) await LabWait.UntilAsync($"{node} has no workloads", async () => (await mesh.CapturedAsync(node)).Length == 0, TimeSpan.FromSeconds(30));

        foreach (var file in Directory.GetFiles(Repository.PathOf("deploy/removal"), "*.yaml")) cluster.Write($"removal/{Path.GetFileName(file)}", await File.ReadAllTextAsync(file));
        await cluster.KubectlAsync("apply", "-k", Path.Combine(cluster.Folder, "removal"));
        await cluster.KubectlAsync("-n", "culvert-system", "rollout", "status", "daemonset/culvert-agent", "--timeout=120s");
        foreach (var part in new[] { "daemonset", "controller" }) await cluster.KubectlAsync("delete", "-k", Path.Combine(cluster.Folder, part), "--timeout=60s");
        await cluster.KubectlAsync("delete", "-k", Repository.PathOf("deploy/crds"), "--timeout=60s");

        foreach (var machine in cluster.Machines)
        {
            Assert.Equal("", await machine.RunAsync("sh", "-euc", """
                ls -d /sys/fs/bpf/culvert 2> /dev/null || :
                find /opt/cni/bin /etc/cni /run/culvert /var/lib/culvert -name '*culvert*' ! -path /run/culvert ! -path /var/lib/culvert
                find /run/culvert /var/lib/culvert -mindepth 1
                grep -l culvert /etc/cni/net.d/* || :
                bpftool net show | grep cv_ || :
                ip rule | grep 1500 || :
                nft list tables | grep culvert || :
                """));
        }

        Assert.Contains("hello from node2", await mesh.AskAsync(client, far.Address), StringComparison.Ordinal);
        await cluster.KubectlAsync("-n", "shop", "delete", "pod", client.Name);
        await cluster.KubectlAsync("-n", "shop", "rollout", "status", "daemonset/client", "--timeout=60s");
        Assert.Contains("hello from node2", await mesh.AskAsync(await mesh.ShopPodAsync("client", "node1"), far.Address), StringComparison.Ordinal);
    }
}
