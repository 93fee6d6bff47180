using Culvert.Core;

namespace Culvert.Controller.Tests.Kubernetes;

/// <summary>The label that <c>culvert.dev/mesh</c> took the place of: it takes nothing into the mesh and leaves nothing out, and is reported where it still stands.</summary>
[Collection(TestClusterCollection.Name)]
public sealed class FormerLabelTests(TestCluster cluster)
{
    private const string Report = "label culvert.dev/enrolled means nothing any more; write culvert.dev/mesh: enabled or disabled";

    [Fact]
    public async Task TheFormerLabelCountsForNothingAndIsReportedAtNamespacesAndPods()
    {
        await using RunningOnCluster controller = await cluster.ControllerAsync();
        string inside = await cluster.NamespaceAsync(), outside = await cluster.NamespaceAsync(), left = await cluster.NamespaceAsync();
        foreach ((string ns, string value) in new[] { (outside, "true"), (left, "false") }) await cluster.Server.KubectlAsync("", "label", "namespace", ns, "culvert.dev/mesh-", $"culvert.dev/enrolled={value}");
        await cluster.PodAsync(inside, "leaves", "10.21.0.1", labels: "culvert.dev/enrolled: 'false'");
        await cluster.PodAsync(inside, "both", "10.21.0.2", labels: "culvert.dev/enrolled: 'true', culvert.dev/mesh: disabled");
        await cluster.PodAsync(outside, "joins", "10.21.0.3", labels: "culvert.dev/enrolled: 'true'");
        await cluster.PodAsync(outside, "own", "10.21.0.4", labels: "culvert.dev/mesh: enabled");
        await cluster.PodAsync(left, "plain", "10.21.0.5");
        NodeSnapshot snapshot = await controller.SnapshotAsync(s => Find(s, left, "plain") is not null);
        Assert.True(Find(snapshot, inside, "leaves")!.Enrolled);
        Assert.False(Find(snapshot, inside, "both")!.Enrolled);
        Assert.False(Find(snapshot, outside, "joins")!.Enrolled);
        Assert.True(Find(snapshot, outside, "own")!.Enrolled);
        Assert.False(Find(snapshot, left, "plain")!.Enrolled);

        foreach ((string ns, string name) in new[] { (inside, "leaves"), (inside, "both"), (outside, "joins") })
            await controller.ErrorsAsync($"{ns}/{name} is told", e => e.Any(t => t.Contains($"{ns}/{name}: metadata.labels: {Report}; the pod counts without it", StringComparison.Ordinal)));
        Assert.DoesNotContain(controller.Host.Errors, e => e.ToString().Contains($"{outside}/own", StringComparison.Ordinal));
        Assert.Equal(
            new[] { $"{outside}: metadata: {Report}", $"{left}: metadata: {Report}" }.Order(StringComparer.Ordinal),
            controller.Host.Warnings.Select(w => w.ToString()).Where(w => w.Contains(Report, StringComparison.Ordinal)).Select(w => w[(w.IndexOf("Namespace ", StringComparison.Ordinal) + "Namespace ".Length)..]).Order(StringComparer.Ordinal));

        // In its place the present one counts, and nothing is left to be told.
        await cluster.Server.KubectlAsync("", "label", "namespace", outside, "culvert.dev/enrolled-", "culvert.dev/mesh=enabled");
        await controller.SnapshotAsync(s => Find(s, outside, "joins")!.Enrolled);
        Assert.DoesNotContain(controller.Host.Warnings, w => w.ToString().Contains($"Namespace {outside}", StringComparison.Ordinal));
        await cluster.Server.KubectlAsync("", "label", "namespace", left, "culvert.dev/enrolled-");
        await cluster.Server.KubectlAsync("", "label", "pod", "-n", outside, "joins", "culvert.dev/enrolled-");
        await controller.ErrorsAsync("nothing is told of the pod", e => !e.Any(t => t.Contains($"{outside}/joins", StringComparison.Ordinal)));
    }

    private static WorkloadInfo? Find(NodeSnapshot snapshot, string ns, string name) => snapshot.Workloads.GetValueOrDefault($"{ns}/{name}");
}
