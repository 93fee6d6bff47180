using System.Diagnostics;
using Culvert.Controller.Snapshots;
using Culvert.Controller.Store;

namespace Culvert.Controller.Tests;

public sealed class WorldCompilerTests
{
    [Fact]
    public void AThousandWorkloadsCompileFastAndUnchangedResourcesAreShared()
    {
        string text = string.Concat(Enumerable.Range(0, 1000).Select(i => Objects.Workload($"w{i}", $"10.1.{i / 250}.{(i % 250) + 1}", $"node-{i % 10}")))
            + string.Concat(Enumerable.Range(0, 100).Select(i => Objects.Policy($"p{i}", $"w{i}")))
            + string.Concat(Enumerable.Range(0, 100).Select(i => $"apiVersion: v1\nkind: Service\nmetadata: {{name: s{i}, namespace: shop}}\nspec: {{clusterIP: 10.96.0.{i + 1}, selector: {{app: w{i}}}, ports: [{{port: 80}}]}}\n---\n"));
        ObjectSet objects = ObjectSetReader.Read([new("all.yaml", text)], ObjectSet.Empty);
        Assert.Empty(objects.Errors);
        World world = World.From(objects, []);
        var first = new ResourceCatalog(WorldCompiler.Compile(world), 1, null);
        TimeSpan best = TimeSpan.MaxValue;
        for (int i = 0; i < 5; i++)
        {
            long start = Stopwatch.GetTimestamp();
            var next = new ResourceCatalog(WorldCompiler.Compile(world), 2, first);
            var resources = next.ForNode("node-1");
            TimeSpan elapsed = Stopwatch.GetElapsedTime(start);
            if (elapsed < best) best = elapsed;
            Assert.Equal(1 + 1 + 10 + 1000 + 100 + 10, resources.Count);
            var delta = SnapshotDelta.Between((1, first.ForNode("node-1")), (2, resources), "e");
            Assert.Equal((0, 0), (delta.Upserts.Count, delta.Removals.Count));
            Assert.All(first.ForNode("node-1"), p => Assert.Same(p.Value, resources[p.Key]));
        }
        TestContext.Current.SendDiagnosticMessage($"compiled in {best.TotalMilliseconds} ms");
        Assert.True(best < TimeSpan.FromMilliseconds(100), $"compiled in {best.TotalMilliseconds} ms");
    }
}
