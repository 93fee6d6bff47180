using System.Net.Sockets;
using System.Text.Json;
using Culvert.Cli;
using Culvert.Cli.Admin;
using Culvert.Labs;
using Culvert.Labs.Mesh;
using Culvert.Protocol.V1;
using Culvert.SystemTests.Fixtures;
using Culvert.SystemTests.Peers;

namespace Culvert.SystemTests;

[Collection(MeshCollection.Name)]
public sealed class UpTests : IAsyncLifetime
{
    private const string Broken = "apiVersion: culvert.dev/v1alpha1\nkind: AuthorizationPolicy\nmetadata:\n  name: broken\n  namespace: demo\nspec:\n  action: PERHAPS\n";
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(20);
    private Lab _lab = null!;
    private LabNode _node = null!;
    private ObjectFolder _objects = null!;

    private static string Culvert => LabPrograms.Culvert;

    private string RunFolder => Path.Combine(_node.Folder, "run");

    private string AdminSocket => Path.Combine(RunFolder, "agent.sock");

    public async ValueTask InitializeAsync()
    {
        _lab = await Lab.CreateAsync();
        _node = await _lab.AddNodeAsync("solo");
        _objects = new ObjectFolder(Path.Combine(_lab.Folder, "objects"));
        _objects.Write("mesh", MeshObjects.Mesh());
    }

    public ValueTask DisposeAsync() => _lab.DisposeAsync();

    [Fact]
    public async Task Up_carries_a_mesh_on_one_machine_and_leaves_nothing_after_its_end_and_a_detach()
    {
        var client = await AddPodAsync("client");
        var guest = await AddPodAsync("guest");
        var web = await AddPodAsync("web");
        _objects.Write("policy-web", MeshObjects.Allow("web", "web", [], "client"));
        await using var server = PeerServer.Start(web, web.Address4, PeerServer.EchoAsync);
        var up = await StartAsync();

        using (var allowed = await PeerServer.ConnectAsync(client, server.EndPoint))
        {
            await PeerServer.SendAllAsync(allowed, new byte[1]);
            Assert.Equal(1, await allowed.ReceiveAsync(new byte[1]).WaitAsync(Deadline));
        }

        await Assert.ThrowsAsync<SocketException>(async () => (await PeerServer.ConnectAsync(guest, server.EndPoint)).Dispose());
        await LabWait.UntilAsync("the allowed connection is seen to be direct", async () => (await FlowsAsync()).Any(f => f.Path == FlowPath.Direct && f.Verdict == Verdict.Allow), Deadline, up);

        _objects.Write("broken", Broken);
        await LabWait.UntilAsync("the error is told with its file and line", () => Events(up, "object-error").Any(), Deadline, up);
        var error = Events(up, "object-error").Single();
        Assert.Equal(_objects.FileOf("broken"), error.GetProperty("file").GetString());
        Assert.Equal(7, error.GetProperty("line").GetInt32());
        Assert.Equal("spec.action", error.GetProperty("field").GetString());
        (await PeerServer.ConnectAsync(client, server.EndPoint)).Dispose();
        await Assert.ThrowsAsync<SocketException>(async () => (await PeerServer.ConnectAsync(guest, server.EndPoint)).Dispose());
        _objects.Remove("broken");
        await LabWait.UntilAsync("the error is told to be mended", () => Events(up, "object-mended").Any(), Deadline, up);

        await up.SignalAsync("HUP");
        if (!InheritedSignals.IgnoreHangUp)
        {
            await LabWait.UntilAsync("SIGHUP is noted", () => Events(up, "note").Any(e => e.GetProperty("message").GetString()!.Contains("SIGHUP", StringComparison.Ordinal)), Deadline, up);
        }

        var status = await _node.RunAsync(Culvert, ["status", "--admin-socket", AdminSocket]);
        Assert.True(status.Succeeded, status.Output + status.Error);

        await up.SignalAsync("TERM");
        Assert.Equal(0, await up.WaitForExitAsync(Deadline));
        Assert.False(File.Exists(AdminSocket), "the admin socket is left");
        Assert.False(File.Exists(Path.Combine(RunFolder, "controller.sock")), "the controller's socket is left");
        await Assert.ThrowsAsync<SocketException>(async () => (await PeerServer.ConnectAsync(guest, server.EndPoint)).Dispose());

        var detach = await _node.RunAsync(Culvert, ["detach", "--all", "--admin-socket", AdminSocket, "--bpffs", _node.BpfFolder]);
        Assert.True(detach.Succeeded, detach.Output + detach.Error);
        Assert.Empty(Directory.GetDirectories(_node.BpfFolder)); // the kernel itself puts files there
        (await PeerServer.ConnectAsync(guest, server.EndPoint)).Dispose();
    }

    [Fact]
    public async Task A_second_one_on_the_same_folders_is_refused_with_the_reason()
    {
        await StartAsync();

        var second = await _node.RunAsync(Culvert, Arguments());

        Assert.Equal((int)ExitCode.Unsupported, second.ExitCode);
        Assert.Contains("controller.sock", second.Error, StringComparison.Ordinal);
        Assert.Contains("--run-dir", second.Error, StringComparison.Ordinal);
    }

    private async Task<LabPod> AddPodAsync(string name)
    {
        var pod = await _lab.AddPodAsync(_node, name);
        _objects.Write("workload-" + name, MeshObjects.Workload(pod, name));
        return pod;
    }

    private string[] Arguments() =>
    [
        "up", "-f", _objects.Path, "--node", _node.Name, "--state-dir", Path.Combine(_node.Folder, "state"), "--run-dir", RunFolder,
        "--bpffs", _node.BpfFolder, "--uplink", LabNode.Uplink, "--metrics", "127.0.0.1:15020", "-o", "json",
    ];

    private async Task<LabProcess> StartAsync()
    {
        var up = _node.Start("up", Culvert, Arguments());
        await LabWait.UntilAsync("the objects are in force", () => Events(up, "applied").Any(), TimeSpan.FromSeconds(30), up);
        return up;
    }

    private async Task<List<Flow>> FlowsAsync()
    {
        using var admin = new AdminClient(AdminSocket);
        var flows = new List<Flow>();
        await admin.FlowsAsync(new FlowsRequest { Last = 100, Filter = new FlowFilter() }, flows.Add, CancellationToken.None);
        return flows;
    }

    // Events are lines of JSON among those of the log, which are JSON as well but have no such field.
    private static IEnumerable<JsonElement> Events(LabProcess up, string name) => up.ReadLog().Split('\n')
        .Where(line => line.StartsWith("{\"event\":", StringComparison.Ordinal) && line.EndsWith('}'))
        .Select(line => JsonDocument.Parse(line).RootElement)
        .Where(e => e.GetProperty("event").GetString() == name);
}
