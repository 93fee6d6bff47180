using Culvert.ClusterTests.Support;
using Culvert.Labs;

namespace Culvert.ClusterTests;

/// <summary>Pods that a kubelet starts of itself, of which the API server has a mirror with another uid.</summary>
[Collection(MeshCollection.Name)]
public sealed class StaticPodTests(InstalledMesh mesh)
{
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(90);

    [Theory]
    [InlineData("shop", true)]
    [InlineData("default", false)]
    public async Task A_static_pod_starts_and_is_in_the_mesh_where_its_namespace_is(string ns, bool isMember)
    {
        InstalledMesh.SkipUnlessThere();
        var machine = mesh.Cluster.Machines.Single(m => m.Name == "node1");
        var manifest = Path.Combine(machine.StaticPods, "static.yaml");
        await File.WriteAllTextAsync(
            manifest,
            $$$"""
            apiVersion: v1
            kind: Pod
            metadata: {name: static, namespace: {{{ns}}}, labels: {app: static}}
            spec:
              terminationGracePeriodSeconds: 1
              containers:
              - name: web
                image: localhost/box:1
                command: [sh, -c, "mkdir -p /tmp/www && echo hello from static > /tmp/www/index.html && exec httpd -f -p {{{InstalledMesh.Port}}} -h /tmp/www"]
                readinessProbe: {httpGet: {port: {{{InstalledMesh.Port}}}, path: /}, periodSeconds: 1}
            """,
            TestContext.Current.CancellationToken);
        try
        {
            var pod = new InstalledMesh.Pod(ns, "static-node1", "node1", await AddressAsync(ns));
            if (isMember) await LabWait.UntilAsync("it is captured", () => mesh.IsCapturedAsync(pod), Deadline);
            else Assert.False(await mesh.IsCapturedAsync(pod));

            // The kubelet makes another mirror of the same pod, which goes on.
            await mesh.Cluster.KubectlAsync("-n", ns, "delete", "pod", pod.Name);
            Assert.Equal(pod.Address, await AddressAsync(ns));
            await LabWait.UntilAsync("it is in the mesh as before", async () => await mesh.IsCapturedAsync(pod) == isMember, Deadline);
            foreach (var node in new[] { "node1", "node2" })
            {
                var answer = await mesh.AskAsync(await mesh.ShopPodAsync("client", node), pod.Address);
                Assert.Contains("hello from static", answer, StringComparison.Ordinal);
                answer = await mesh.AskAsync(pod, (await mesh.ShopPodAsync("web", node)).Address);
                Assert.Equal(isMember, answer.Contains($"hello from {node}", StringComparison.Ordinal));
            }
        }
        finally
        {
            File.Delete(manifest);
            await mesh.Cluster.KubectlAsync("-n", ns, "wait", "--for=delete", "pod/static-node1", ClusterLab.KubeletTimeout);
        }

        await mesh.UntilAllIsWellAsync();
    }

    // The mirror comes when the kubelet has read the file.
    private async Task<string> AddressAsync(string ns)
    {
        string[] said = [];
        await LabWait.UntilAsync(
            "the static pod is ready",
            async () => (said = (await mesh.Cluster.KubectlAsync("-n", ns, "get", "pods", "-l", "app=static", "-o", "jsonpath={.items[*].status.conditions[?(@.type==\"Ready\")].status} {.items[*].status.podIP}")).Split(' ')) is ["True", not ""],
            ClusterLab.KubeletDeadline);
        return said[1];
    }
}
