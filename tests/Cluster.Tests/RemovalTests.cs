using Culvert.ClusterTests.Support;
using Culvert.Interop.Bpf;
using Culvert.Labs;
using Culvert.Tests.Shared;

namespace Culvert.ClusterTests;

/// <summary>What is left of a mesh that is taken out of a cluster by <c>culvert uninstall</c>: nothing.</summary>
[Collection(MeshCollection.Name)]
public sealed class RemovalTests(InstalledMesh mesh)
{
    [Fact]
    public async Task A_mesh_that_is_removed_leaves_nodes_and_pods_as_they_were_and_can_be_installed_again()
    {
        InstalledMesh.SkipUnlessThere();
        var cluster = mesh.Cluster;
        var client = await mesh.ShopPodAsync("client", "node1");
        var far = await mesh.ShopPodAsync("web", "node2");
        Assert.Contains("hello from node2", await mesh.AskAsync(client, far.Address), StringComparison.Ordinal);
        var failed = await Assert.ThrowsAsync<ToolFailedException>(() => cluster.CulvertAsync("uninstall"));
        Assert.Contains("namespace shop", failed.Message, StringComparison.Ordinal);
        Assert.Equal(2, (await mesh.CapturedAsync("node1")).Length);

        // Of what is attached by TCX bpftool tells from version 7.3 on only.
        var isByTcx = KernelFeatures.ProbeTcx().Present;
        if (isByTcx) Assert.All(cluster.Machines, m => Assert.NotEmpty(m.TcxPrograms()));

        // Of another version than the command's, whose images the nodes do not have.
        await mesh.UpgradeToNextAsync();
        foreach (var image in InstalledMesh.Images) await cluster.RemoveImageAsync(InstalledMesh.ImageName(image, InstalledMesh.Version));

        await cluster.CulvertAsync("uninstall", "--remove-labels", "--crds");
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
            if (isByTcx) Assert.Empty(machine.TcxPrograms());
        }

        Assert.Contains("hello from node2", await mesh.AskAsync(client, far.Address), StringComparison.Ordinal);
        await cluster.KubectlAsync("-n", "shop", "delete", "pod", client.Name);
        await cluster.KubectlAsync("-n", "shop", "rollout", "status", "daemonset/client", ClusterLab.KubeletTimeout);
        Assert.Contains("hello from node2", await mesh.AskAsync(await mesh.ShopPodAsync("client", "node1"), far.Address), StringComparison.Ordinal);

        foreach (var image in InstalledMesh.Images) await cluster.TagAsync(InstalledMesh.ImageName(image, InstalledMesh.Next), InstalledMesh.ImageName(image, InstalledMesh.Version));

        // One that has not come further than its controller goes as well.
        failed = await Assert.ThrowsAsync<ToolFailedException>(() => cluster.CulvertAsync("install", "--image-prefix", "localhost/none", "--timeout", "20"));
        Assert.Contains("Deployment culvert-controller is not ready after 20 s", failed.Message, StringComparison.Ordinal);
        await cluster.CulvertAsync("uninstall", "--crds", "--image-prefix", "localhost");
        await mesh.InstallAsync();
        Assert.Contains("hello from node2", await mesh.AskAsync(await mesh.ShopPodAsync("client", "node1"), far.Address), StringComparison.Ordinal);
    }
}
