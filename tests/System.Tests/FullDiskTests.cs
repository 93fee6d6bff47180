using System.Net.Sockets;
using Culvert.Labs;
using Culvert.Labs.Mesh;
using Culvert.SystemTests.Fixtures;
using Culvert.SystemTests.Peers;

namespace Culvert.SystemTests;

/// <summary>State folders of agent and controller on file systems that have no byte left.</summary>
[Collection(MeshCollection.Name)]
public sealed class FullDiskTests : IAsyncLifetime
{
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(20);
    private readonly List<string> _mounts = [];
    private MeshLab _mesh = null!;
    private LabPod _client = null!;
    private LabPod _near = null!;
    private LabPod _far = null!;

    public async ValueTask InitializeAsync()
    {
        _mesh = await MeshFixture.CreateAsync(new MeshLabOptions());
        _client = await _mesh.AddPodAsync(_mesh.Nodes[0], "client", "client");
        _near = await _mesh.AddPodAsync(_mesh.Nodes[0], "near", "web");
        _far = await _mesh.AddPodAsync(_mesh.Nodes[1], "far", "web");
        foreach (var folder in _mesh.Nodes.Select(n => n.StateFolder).Append(_mesh.ControllerState))
        {
            Directory.CreateDirectory(folder);
            await Tool.RequireAsync("mount", ["-t", "tmpfs", "-o", "size=256k,mode=0700", "culvert-test", folder], null, null, CancellationToken.None);
            _mounts.Add(folder);
        }

        await MeshFixture.StartAsync(_mesh);
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var folder in _mounts)
        {
            await Tool.RunAsync("umount", ["-l", folder]);
        }

        await _mesh.DisposeAsync();
    }

    [Fact]
    public async Task Policy_changes_are_in_force_while_no_state_can_be_written_and_are_written_when_it_can()
    {
        await using var near = PeerServer.Start(_near, _near.Address4, PeerServer.EchoAsync);
        await using var far = PeerServer.Start(_far, _far.Address4, PeerServer.EchoAsync);
        (await PeerServer.ConnectAsync(_client, near.EndPoint)).Dispose();
        (await PeerServer.ConnectAsync(_client, far.EndPoint)).Dispose();
        foreach (var folder in _mounts)
        {
            Fill(folder);
        }

        // Names that were never given a number, and a DENY.
        _mesh.Objects.Write("deny-near", Deny("deny-near"));
        await LabWait.UntilAsync("the near server refuses", () => IsRefusedAsync(near), Deadline, _mesh.Nodes[0].Agent);
        await LabWait.UntilAsync("the far server refuses", () => IsRefusedAsync(far), Deadline, _mesh.Nodes[1].Agent);
        foreach (var node in _mesh.Nodes)
        {
            Assert.Contains("not on disk", (await node.StatusAsync()).SaveError, StringComparison.Ordinal);
        }

        // Back again, and new certificates, of nodes as well.
        _mesh.Objects.Remove("deny-near");
        _mesh.Objects.Write("mesh", MeshObjects.Mesh("20s"));
        await LabWait.UntilAsync("the near server answers", async () => !await IsRefusedAsync(near), Deadline, _mesh.Nodes[0].Agent);
        await LabWait.UntilAsync("the far server answers", async () => !await IsRefusedAsync(far), Deadline, _mesh.Nodes[1].Agent);
        await LabWait.UntilAsync(
            "certificates are renewed",
            async () => (await _mesh.Nodes[0].StatusAsync()).Workloads.All(w => w.CertificateNotAfter.ToDateTime() < DateTime.UtcNow.AddMinutes(1)),
            Deadline,
            _mesh.Nodes[0].Agent);

        foreach (var folder in _mounts)
        {
            File.Delete(Path.Combine(folder, "filler"));
        }

        foreach (var node in _mesh.Nodes)
        {
            await LabWait.UntilAsync("the snapshot is written", async () => (await node.StatusAsync()).SnapshotError.Length == 0, TimeSpan.FromSeconds(60), node.Agent);
        }
    }

    [Fact]
    [Trait("Category", "Attack")]
    public async Task Attack_an_agent_that_dies_while_its_disk_is_full_comes_back_with_the_newest_policy()
    {
        await using var near = PeerServer.Start(_near, _near.Address4, PeerServer.EchoAsync);
        (await PeerServer.ConnectAsync(_client, near.EndPoint)).Dispose();
        foreach (var folder in _mounts)
        {
            Fill(folder);
        }

        _mesh.Objects.Write("deny-near", Deny("deny-near"));
        await LabWait.UntilAsync("the near server refuses", () => IsRefusedAsync(near), Deadline, _mesh.Nodes[0].Agent);
        await LabWait.UntilAsync(
            "it is not where it belongs", async () => (await _mesh.Nodes[0].StatusAsync()).SaveError.Contains("meanwhile", StringComparison.Ordinal), Deadline, _mesh.Nodes[0].Agent);
        await _mesh.Nodes[0].KillAgentAsync();
        await _mesh.StopControllerAsync();

        await _mesh.Nodes[0].StartAgentAsync();

        Assert.True(await IsRefusedAsync(near));
    }

    [Fact]
    [Trait("Category", "Attack")]
    public async Task Attack_a_node_is_revoked_while_the_controllers_disk_is_full()
    {
        Fill(_mesh.ControllerState);
        var thief = _mesh.Nodes[1];
        Assert.True((await thief.StatusAsync()).ControllerConnected);

        var revoke = await Tool.RunAsync(LabPrograms.Controller, ["node", "revoke", thief.Name, "--state-dir", _mesh.ControllerState]);

        Assert.True(revoke.Succeeded, revoke.Output + revoke.Error);
        await LabWait.UntilAsync(
            "the revoked node has no stream", async () => await thief.StatusAsync() is { ControllerConnected: false }, Deadline, thief.Agent);

        // It is on the disk, too: the next controller knows of it.
        await _mesh.StopControllerAsync();
        var list = await Tool.RunAsync(LabPrograms.Controller, ["node", "list", "--state-dir", _mesh.ControllerState]);
        Assert.Matches($"{thief.Name} +revoked ", list.Output);
    }

    private static string Deny(string name) => $$"""
        apiVersion: culvert.dev/v1alpha1
        kind: AuthorizationPolicy
        metadata: {name: {{name}}, namespace: {{MeshObjects.Namespace}}}
        spec:
          selector:
            matchLabels: {app: web}
          action: DENY
          rules:
            - from:
                - identities: ["{{MeshObjects.Identity("client")}}"]
        """;

    private static void Fill(string folder)
    {
        using var file = new FileStream(Path.Combine(folder, "filler"), FileMode.Create, FileAccess.Write, FileShare.None, bufferSize: 0);
        var page = new byte[4096];
        var full = Assert.ThrowsAny<IOException>(() =>
        {
            for (var i = 0; i < 1024; i++)
            {
                file.Write(page);
            }
        });
        Assert.Contains("space", full.Message, StringComparison.Ordinal);
    }

    private async Task<bool> IsRefusedAsync(PeerServer server)
    {
        try
        {
            using var socket = await PeerServer.ConnectAsync(_client, server.EndPoint);
            await PeerServer.SendAllAsync(socket, new byte[1]);
            return await socket.ReceiveAsync(new byte[1]).WaitAsync(Deadline) == 0;
        }
        catch (SocketException)
        {
            return true;
        }
    }
}
