using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text.Json;
using Culvert.Labs;
using Culvert.Labs.Mesh;
using Culvert.SystemTests.Fixtures;
using Culvert.SystemTests.Peers;

namespace Culvert.SystemTests;

/// <summary>The CNI plugin's own program, called as container runtimes call it, and the agent of a node: pods that start.</summary>
[Collection(MeshCollection.Name)]
public sealed class CniTests : IAsyncLifetime
{
    private const int TryAgainLater = 11, NotAvailable = 50, NotCaptured = 100;
    private MeshLab _mesh = null!;
    private LabPod _far = null!;

    private MeshNode Node => _mesh.Nodes[0];

    public async ValueTask InitializeAsync()
    {
        _mesh = await MeshFixture.CreateAsync(new MeshLabOptions());
        _far = await _mesh.AddPodAsync(_mesh.Nodes[1], "far", "web");
        await MeshFixture.StartAsync(_mesh);
    }

    public async ValueTask DisposeAsync()
    {
        if (_mesh is not null) await _mesh.DisposeAsync();
    }

    [Fact]
    public async Task A_pod_that_the_controller_tells_of_while_its_runtime_waits_sends_nothing_uncaptured()
    {
        const string Marker = "the very first words of a pod";
        var pod = await _mesh.Lab.AddPodAsync(Node.Place, "late");
        await using var server = PeerServer.Start(_far, _far.Address4, PeerServer.EchoAsync);
        var capture = await LinkCapture.StartAsync(Node, TestContext.Current.CancellationToken);
        var adding = CniCall.RunAsync(Node, "ADD", pod);
        _mesh.Objects.Write("workload-late", Starting(pod, "client"));
        var added = await adding;
        Assert.True(added.Code == 0, added.ToString());
        using (var connection = await PeerServer.ConnectAsync(pod, server.EndPoint))
        {
            await connection.SendAsync(System.Text.Encoding.ASCII.GetBytes(Marker));
            Assert.Equal(Marker.Length, await connection.ReceiveAsync(new byte[64]).WaitAsync(TimeSpan.FromSeconds(20)));
        }

        var seen = await capture.FinishAsync(Marker, server.EndPoint.Port);
        Assert.False(seen.MarkerSeen);
        Assert.Equal(0, seen.ApplicationPackets);
        Assert.True(seen.TunnelPackets > 0);

        // What the plugins before have made is handed on as it was.
        using var result = JsonDocument.Parse(added.Output);
        Assert.Equal(CniCall.PreviousOf(pod).Replace(" ", "", StringComparison.Ordinal), result.RootElement.GetRawText().Replace(" ", "", StringComparison.Ordinal));
        var workload = Assert.Single((await Node.StatusAsync()).Workloads, w => w.Uid == "demo/late");
        Assert.Equal((pod.HostInterface, ""), (workload.Interface, workload.Error));

        // The controller tells the same later, and then the pod needs its runtime's word no longer.
        _mesh.Objects.Write("workload-late", MeshObjects.Workload(pod, "client"));
        await ToldAsync(w => w is { Name: "late", Addresses.Count: 2 });
        Assert.Equal(0, (await CniCall.RunAsync(Node, "DEL", pod)).Code);
        Assert.Empty(Attachments());
        Assert.Equal(0, (await CniCall.RunAsync(Node, "CHECK", pod)).Code);
    }

    [Fact]
    public async Task A_pod_that_is_not_in_the_mesh_starts_at_once_and_one_that_nobody_knows_does_not()
    {
        var plain = await _mesh.Lab.AddPodAsync(Node.Place, "plain");
        _mesh.Objects.Write("workload-plain", Starting(plain, "client") + "  enrolled: false\n");
        await ToldAsync(w => w.Name == "plain");
        Assert.Equal(0, (await CniCall.RunAsync(Node, "ADD", plain)).Code);
        Assert.Equal(0, (await CniCall.RunAsync(Node, "CHECK", plain)).Code);

        var unknown = await _mesh.Lab.AddPodAsync(Node.Place, "unknown");
        var refused = await CniCall.RunAsync(Node, "ADD", unknown, timeout: 2);
        Assert.Equal(TryAgainLater, refused.Error);
        Assert.Contains("the controller has not told node node1 of it yet", refused.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Without_an_agent_nothing_is_added_and_everything_can_leave()
    {
        var pod = await _mesh.Lab.AddPodAsync(Node.Place, "pod");
        Assert.Equal(0, (await CniCall.RunAsync(Node, "STATUS", pod)).Code);
        await Node.StopAgentAsync();
        Assert.False(File.Exists(CniCall.SocketOf(Node)));
        var added = await CniCall.RunAsync(Node, "ADD", pod);
        Assert.Equal((1, TryAgainLater), (added.Code, added.Error));
        Assert.Equal(NotAvailable, (await CniCall.RunAsync(Node, "STATUS", pod)).Error);
        var left = await CniCall.RunAsync(Node, "DEL", pod);
        Assert.Equal((0, ""), (left.Code, left.Output));
        Assert.Contains("goes on without the agent", left.Errors, StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_a_runtime_has_told_outlives_the_agent()
    {
        var pod = await _mesh.Lab.AddPodAsync(Node.Place, "pod");
        _mesh.Objects.Write("workload-pod", Starting(pod, "client"));
        await ToldAsync(w => w.Name == "pod");
        var unattached = await CniCall.RunAsync(Node, "CHECK", pod);
        Assert.Equal(NotCaptured, unattached.Error);
        Assert.Equal(0, (await CniCall.RunAsync(Node, "ADD", pod)).Code);
        await Node.KillAgentAsync();
        await File.WriteAllTextAsync(Path.Combine(AttachmentFolder, "other:eth0.json"), "{garbage", TestContext.Current.CancellationToken);
        await _mesh.StopControllerAsync();
        await Node.StartAgentAsync();
        Assert.Equal(0, (await CniCall.RunAsync(Node, "CHECK", pod)).Code);
        Assert.Contains("other:eth0.json can't be used", Node.Agent!.ReadLog(), StringComparison.Ordinal);
        Assert.Single(Attachments());
        Assert.Equal(0, (await CniCall.RunAsync(Node, "GC", pod)).Code);
        Assert.Empty(Attachments());
    }

    [Fact]
    public async Task Ten_pods_start_in_less_than_200_ms_each()
    {
        List<LabPod> pods = [];
        for (var i = 0; i < 10; i++)
        {
            pods.Add(await _mesh.Lab.AddPodAsync(Node.Place, $"p{i}"));
            _mesh.Objects.Write($"workload-p{i}", Starting(pods[i], "client"));
        }

        await ToldAsync(w => w.Name == "p9");
        List<double> times = [];
        foreach (var pod in pods)
        {
            var start = Stopwatch.GetTimestamp();
            var added = await CniCall.RunAsync(Node, "ADD", pod);
            times.Add(Stopwatch.GetElapsedTime(start).TotalMilliseconds);
            Assert.True(added.Code == 0, added.ToString());
        }

        var median = times.Order().ElementAt(5);
        TestContext.Current.TestOutputHelper?.WriteLine($"ADD in ms: {string.Join(' ', times.Select(t => t.ToString("0", System.Globalization.CultureInfo.InvariantCulture)))}; median {median:0}, {(CniCall.IsNative ? "native" : "not native")}");
        Assert.True(median < 200 * LabWait.Patience * (CniCall.IsNative ? 1 : 3), $"ADD took {median:0} ms");
        Assert.Equal(10, (await Node.StatusAsync()).Workloads.Count(w => w.Uid.StartsWith("demo/p", StringComparison.Ordinal) && w.Interface.Length > 0));
    }

    [Fact]
    public async Task The_agent_installs_it_keeps_it_when_it_stops_and_detach_removes_it()
    {
        Assert.SkipUnless(CniCall.IsNative, "`make plugin` has not made the program that can be installed");
        const string List = """{"cniVersion":"1.0.0","name":"pods","plugins":[{"type":"ptp"}]}""";
        var folder = Directory.CreateTempSubdirectory("culvert-cni");
        try
        {
            var (networks, programs) = (folder.CreateSubdirectory("net.d").FullName, folder.CreateSubdirectory("bin").FullName);
            await using var mesh = await MeshLab.CreateAsync(new MeshLabOptions { AgentArguments = ["--cni-conf-dir", networks, "--cni-bin-dir", programs, "--cni-plugin", CniCall.Program] });
            var node = await mesh.AddNodeAsync("node1");
            mesh.Objects.Write("mesh", MeshObjects.Mesh());
            var list = Path.Combine(networks, "10-pods.conflist");
            await File.WriteAllTextAsync(list, List, TestContext.Current.CancellationToken);
            await MeshFixture.StartAsync(mesh);
            foreach (var name in new[] { "10-pods.conflist", "05-first.conflist" })
            {
                list = Path.Combine(networks, name);
                await File.WriteAllTextAsync(list, List, TestContext.Current.CancellationToken);
                await LabWait.UntilAsync($"the plugin is in {name}", () => File.ReadAllText(list).Contains($"{{\"type\":\"culvert-cni\",\"agentSocket\":\"{CniCall.SocketOf(node)}\"}}", StringComparison.Ordinal), TimeSpan.FromSeconds(15), node.Agent);
            }

            var program = Path.Combine(programs, "culvert-cni");
            var version = await Tool.RunAsync("env", ["CNI_COMMAND=VERSION", program], """{"cniVersion":"1.0.0"}""", null, TestContext.Current.CancellationToken);
            Assert.Contains("supportedVersions", version.Output, StringComparison.Ordinal);
            await node.StopAgentAsync();
            Assert.True(File.Exists(program));
            var detach = await node.Place.RunAsync(LabPrograms.Culvert, ["detach", "--all", "--admin-socket", node.AdminSocket, "--bpffs", node.Place.BpfFolder]);
            Assert.True(detach.Succeeded, detach.Output + detach.Error);
            Assert.Equal([List, List], Directory.GetFiles(networks).Select(File.ReadAllText));
            Assert.Empty(Directory.GetFiles(programs));
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    private string AttachmentFolder => Path.Combine(Path.GetDirectoryName(CniCall.SocketOf(Node))!, "cni");

    private string[] Attachments() => Directory.Exists(AttachmentFolder) ? Directory.GetFiles(AttachmentFolder, "*.json") : [];

    private Task ToldAsync(Func<Culvert.Protocol.V1.Workload, bool> isWanted) =>
        SavedSnapshot.WaitAsync(Node, "the controller has told of the pod", resources => resources.Any(r => r.Workload is { } w && isWanted(w)));

    // As the controller tells of a pod whose address it does not know yet: what a folder declares has one, and here it is nobody's.
    private static string Starting(LabPod pod, string account) => $"""
        apiVersion: culvert.dev/v1alpha1
        kind: Workload
        metadata: {"{"}name: {pod.Name}, namespace: {MeshObjects.Namespace}, labels: {"{"}app: {account}{"}"}{"}"}
        spec:
          node: {pod.Node.Name}
          serviceAccount: {account}
          addresses: [198.51.100.{pod.Address4.GetAddressBytes()[3]}]

        """;
}
