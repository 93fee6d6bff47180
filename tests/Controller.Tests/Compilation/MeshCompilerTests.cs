using System.Collections.Immutable;
using System.Diagnostics;
using Culvert.Controller.Compilation;
using Culvert.Controller.Snapshots;
using Culvert.Controller.Sources;
using Culvert.Controller.Sources.Folder;
using Culvert.Controller.Store;
using Culvert.Protocol.V1;
using Culvert.Tests.Shared;
using Google.Protobuf;
using Microsoft.Extensions.Logging.Abstractions;

namespace Culvert.Controller.Tests;

/// <summary>What compiling costs. Alone: a thread that allocates collects the garbage of all, and other tests' counts as its own.</summary>
[Collection(AloneCollection.Name)]
public sealed class MeshCompilerTests
{
    // Measured: 0.7 to 1.7, as far as the runtime has compiled it by then.
    private const double MostForAThousandWorkloads = 10;

    private const int Workloads = 10_000;
    private const int Nodes = 100;
    private const int Services = 500;

    [Fact]
    public void AThousandWorkloadsCompileFastAndUnchangedResourcesAreShared()
    {
        string text = string.Concat(Enumerable.Range(0, 1000).Select(i => Objects.Workload($"w{i}", $"10.1.{i / 250}.{(i % 250) + 1}", $"node-{i % 10}")))
            + string.Concat(Enumerable.Range(0, 100).Select(i => Objects.Policy($"p{i}", $"w{i}")))
            + string.Concat(Enumerable.Range(0, 100).Select(i => $"apiVersion: v1\nkind: Service\nmetadata: {{name: s{i}, namespace: shop}}\nspec: {{clusterIP: 10.96.0.{i + 1}, selector: {{app: w{i}}}, ports: [{{port: 80}}]}}\n---\n"));
        ObjectSet objects = ObjectSetReader.Read([new("all.yaml", text)], ObjectSet.Empty);
        Assert.Empty(objects.Errors);
        double best = double.MaxValue;
        for (int i = 0; i < 20; i++)
        {
            MeshCompiler compiler = new();
            NodeResources first = null!;
            best = Math.Min(best, ThreadClock.MeasureRelatively(() => first = compiler.Update(objects, null, []).ForNode("node-1")));
            NodeResources next = compiler.Update(objects, null, []).ForNode("node-1");
            Assert.Equal(1 + 1 + 1000 + 100 + 10, next.All.Count());
            SnapshotResponse delta = SnapshotDelta.Between(first, next, "e").Response;
            Assert.Equal((0, 0), (delta.Upserts.Count, delta.Removals.Count));
            Assert.All(first.All, p => Assert.Same(p.Value, next.Find(p.Key)));
        }
        TestContext.Current.TestOutputHelper?.WriteLine($"compiling costs {best} times the yardstick");
        Assert.True(best < MostForAThousandWorkloads, $"compiling costs {best} times the yardstick");
    }

    [Fact]
    public void OneChangedPodOfTenThousandCostsWhatOneCosts()
    {
        Dictionary<string, SourceFile> files = Enumerable.Range(0, Workloads).Select(i => Pod(i, i % Nodes)).Append(new("services.yaml", string.Concat(Enumerable.Range(0, Services).Select(Service))))
            .Append(new("policies.yaml", Policies())).ToDictionary(f => f.Name);
        ObjectStore store = new("test", new FolderStatus(), NullLogger.Instance, ObjectSet.Empty);
        FolderDeclarations folder = new();
        MeshCompiler compiler = new();
        ResourceCatalog catalog = ResourceCatalog.Empty;
        TimeSpan applying = TimeSpan.Zero;
        store.Changed += change => catalog = compiler.Update(change.After, change.Keys, []);
        Tell();
        Assert.Equal((Workloads, Services, Services), (catalog.Work.Workloads, catalog.Work.Services, catalog.Work.Policies));
        TimeSpan whole = applying;

        // A pod comes back with another address on another node: itself, and the one service that leads to it.
        (int upserts, long bytes, TimeSpan step) moved = Step(Pod(4217, 3, address: "10.99.0.1"));
        Assert.Equal((1, 1, 0), (catalog.Work.Workloads, catalog.Work.Services, catalog.Work.Policies));
        Assert.InRange(catalog.Work.Changed, 1, 6);
        Assert.InRange(moved.upserts, 2 * Nodes, (2 * Nodes) + 2);
        Assert.InRange(moved.bytes / Nodes, 1, 2048);

        // Labels that nothing selects by are nobody's business.
        (int upserts, long bytes, TimeSpan step) labelled = Step(Pod(17, 17, label: ", version: v2"));
        Assert.Equal((1, 1, 0, 0), (catalog.Work.Workloads, catalog.Work.Services, labelled.upserts, (int)labelled.bytes));

        // A policy's rule concerns the nodes whose workloads it selects: those of app-0 are all on one.
        (int upserts, long bytes, TimeSpan step) ruled = Step(new("policies.yaml", Policies(changed: 0)));
        Assert.Equal((0, 0, 1), (catalog.Work.Workloads, catalog.Work.Services, catalog.Work.Policies));
        Assert.Equal(NodesOf(0), ruled.upserts);

        TestContext.Current.TestOutputHelper?.WriteLine($"the whole world decided and compiled in {whole.TotalMilliseconds:0.0} ms; a moved pod with all deltas {moved.step.TotalMilliseconds:0.00} ms (the first time), a policy {ruled.step.TotalMilliseconds:0.00} ms; {moved.bytes} bytes to {Nodes} nodes");
        Assert.True(moved.step < whole / 5, $"{moved.step.TotalMilliseconds} ms against {whole.TotalMilliseconds} ms");

        void Tell()
        {
            ImmutableArray<ObjectChange> changes = [.. folder.Update([.. files.Values])];
            long start = Stopwatch.GetTimestamp();
            store.Apply(new(changes) { IsSynced = true });
            applying = Stopwatch.GetElapsedTime(start);
        }

        (int, long, TimeSpan) Step(SourceFile file)
        {
            ResourceCatalog before = catalog;
            files[file.Name] = file;
            Tell();
            Assert.Empty(store.Current.Errors);
            long start = Stopwatch.GetTimestamp();
            var deltas = Enumerable.Range(0, Nodes).Select(n => SnapshotDelta.Between(before.ForNode($"node-{n}"), catalog.ForNode($"node-{n}"), "e").Response).Where(d => d.Upserts.Count + d.Removals.Count > 0).ToList();
            TimeSpan elapsed = applying + Stopwatch.GetElapsedTime(start);
            return (deltas.Sum(d => d.Upserts.Count + d.Removals.Count), deltas.Sum(d => (long)d.CalculateSize()), elapsed);
        }
    }

    private static string Policies(int changed = -1) => string.Concat(Enumerable.Range(0, Services).Select(i => Objects.Policy($"p{i}", $"app-{i}", port: i == changed ? 81 : 80)));

    private static int NodesOf(int app) => Enumerable.Range(0, Workloads).Where(i => i % Services == app).Select(i => i % Nodes).Distinct().Count();

    private static SourceFile Pod(int i, int node, string? address = null, string label = "") => new($"w{i}.yaml",
        $"apiVersion: culvert.dev/v1alpha1\nkind: Workload\nmetadata: {{name: w{i}, namespace: shop, labels: {{app: app-{i % Services}{label}}}}}\nspec: {{node: node-{node}, addresses: [{address ?? $"10.1.{i / 250}.{(i % 250) + 1}"}]}}\n");

    private static string Service(int i) =>
        $"apiVersion: v1\nkind: Service\nmetadata: {{name: s{i}, namespace: shop}}\nspec: {{clusterIP: 10.96.{i / 250}.{(i % 250) + 1}, selector: {{app: app-{i}}}, ports: [{{port: 80}}]}}\n---\n";
}
