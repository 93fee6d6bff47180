using System.Buffers;
using Culvert.Bench.Measuring;
using Culvert.Bench.Report;
using Culvert.Bench.Scale;
using Culvert.Controller;
using Culvert.Core;
using Culvert.Protocol.V1;
using Google.Protobuf;

namespace Culvert.Bench.Tests;

public sealed class ScaleTests
{
    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(50, 5)]
    [InlineData(99, 10)]
    [InlineData(100, 10)]
    [InlineData(1, 1)]
    public void PercentileIsTheNearestRank(double percent, double expected) => Assert.Equal(expected, Statistics.Percentile([10, 9, 8, 7, 6, 5, 4, 3, 2, 1], percent));

    [Theory]
    [InlineData(10)]
    [InlineData(25)]
    [InlineData(1000)]
    public void EveryPodIsOnOneNodeAndHasAnAddressOfItsOwn(int nodes)
    {
        ScaleShape shape = new(nodes);
        (int Service, int Pod)[] all = [.. Enumerable.Range(0, nodes).SelectMany(shape.PodsOf)];
        Assert.Equal(shape.Pods, all.Distinct().Count());
        Assert.All(Enumerable.Range(0, nodes), n => Assert.All(shape.PodsOf(n), p => Assert.Equal(n, shape.NodeOf(p.Service, p.Pod))));
        Assert.All(Enumerable.Range(0, nodes), s => Assert.Equal(ScaleShape.PodsEach, Enumerable.Range(0, ScaleShape.PodsEach).Select(p => shape.NodeOf(s, p)).Distinct().Count()));
        Assert.Equal(shape.Pods, all.Select(p => ScaleShape.PodAddress(p.Service, p.Pod)).Distinct().Count());
        Assert.Equal(nodes, Enumerable.Range(0, nodes).Select(ScaleShape.AgentAddress).Distinct().Count());
    }

    [Fact]
    public async Task TheWorldIsValidAndANodeHasThePoliciesOfItsPods()
    {
        DirectoryInfo folder = Directory.CreateTempSubdirectory("culvert-bench-tests-");
        try
        {
            ScaleShape shape = new(20);
            string objects = Path.Combine(folder.FullName, "world");
            new ScaleWorld(objects, shape).Write();
            await using ControllerHost controller = await ControllerHost.StartAsync(
                new() { ObjectFolder = objects, StateFolder = Path.Combine(folder.FullName, "state"), UnixSocket = Path.Combine(folder.FullName, "socket") }, Stop);
            Assert.Empty(controller.Errors);
            Assert.All(controller.Warnings, w => Assert.Contains("no agent has joined", w.Reason));
            NodeSnapshot node = controller.SnapshotFor(ScaleShape.Node(3));
            Assert.Equal((shape.Pods, shape.Nodes), (node.Workloads.Count, node.Services.Count));
            Assert.All(node.Services.Values, s => Assert.Equal(ScaleShape.PodsEach, s.Ports.Single().Backends.Count));
            Assert.Equal(
                shape.PodsOf(3).Select(p => $"{ScaleShape.Namespace(p.Service)}/{ScaleShape.Service(p.Service)}").Order(StringComparer.Ordinal),
                node.Policies.Keys.Select(p => p.ToString()).Order(StringComparer.Ordinal));
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    [Fact]
    public void OfADeltaTheNamesAreKeptAndOfAFullSnapshotTheCount()
    {
        SnapshotResponse response = new() { Version = 300, Epoch = "e", Upserts = { new Resource { Mesh = new() }, new Resource { Policy = new() { Namespace = "shop", Name = "p" } } } };
        ReceivedSnapshot delta = Read(response);
        Assert.Equal((300ul, false, 2), (delta.Version, delta.Full, delta.Upserts));
        Assert.Equal(["Mesh ", "Policy shop/p"], delta.Resources);
        response.Full = true;
        ReceivedSnapshot full = Read(response);
        Assert.Equal((true, 2, 0), (full.Full, full.Upserts, full.Resources.Count));
    }

    [Fact]
    public void DamagedResponseIsRefused() => Assert.Throws<InvalidDataException>(() => ReceivedSnapshot.Read(new([0x1A, 0x7F, 0x00])));

    [Fact]
    public void AChangeIsOverWhenAllHaveItWhoseBusinessItIs()
    {
        ChangeWatch watch = new(new("Policy shop/p", ["node-1", "node-2"], () => { }), 0);
        watch.Acked("node-1", new(2, false, 1, ["Mesh "]));
        watch.Acked("node-3", new(2, false, 1, ["Policy shop/p"]));
        watch.Acked("node-1", new(3, false, 1, ["Policy shop/p"]));
        watch.Acked("node-1", new(4, false, 1, ["Policy shop/p"]));
        Assert.Equal((1, false), (watch.Count, watch.All.IsCompleted));
        watch.Acked("node-2", new(3, false, 2, ["Mesh ", "Policy shop/p"]));
        Assert.Equal((2, true), (watch.Seconds.Count, watch.All.IsCompleted));
    }

    [Fact]
    public async Task SmallMeshesAreMeasured()
    {
        BenchOptions options = BenchOptions.Parse(["--only", "scale.", "--scale-nodes", "12,10", "--scale-changes", "2"], AppContext.BaseDirectory);
        List<ScaleFigures> figures = [];
        IReadOnlyList<Result> rows = await ScaleBench.RunAsync(options, figures, Stop);
        Assert.Equal([10, 12], figures.Select(f => f.Shape.Nodes));
        Assert.Equal(ScaleBench.Metrics.Select(m => m.Name), rows.Select(r => r.Name));
        Assert.All(rows, r => Assert.True(r.Ours > 0));
        ScaleFigures largest = figures[^1];
        Assert.Equal((10, 12, 12), (largest.Policy.Told, largest.Endpoint.Told, largest.Mesh.Told));
        Assert.Contains("12 nodes", new ScaleTable(figures).Rows[0]);
    }

    [Fact]
    public void TheScaleRowsAloneNeedNoLabs()
    {
        Assert.False(BenchOptions.Parse(["--only", "scale."]).WantsLabs);
        Assert.True(BenchOptions.Parse(["--only", "scale.", "--only", "agent.rss"]).WantsLabs);
        Assert.True(BenchOptions.Parse([]).WantsScale);
        Assert.False(BenchOptions.Parse(["--only", "agent.rss"]).WantsScale);
        Assert.False(BenchOptions.Parse(["--peer-only"]).WantsScale);
    }

    private static ReceivedSnapshot Read(SnapshotResponse response) => ReceivedSnapshot.Read(new ReadOnlySequence<byte>(response.ToByteArray()));
}
