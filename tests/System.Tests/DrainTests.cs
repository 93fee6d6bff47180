using System.Net.Sockets;
using Culvert.Labs;
using Culvert.Labs.Mesh;
using Culvert.Protocol.V1;
using Culvert.SystemTests.Fixtures;
using Culvert.SystemTests.Peers;

namespace Culvert.SystemTests;

/// <summary>What an agent does between SIGTERM and its end, while a connection keeps it from ending.</summary>
[Collection(MeshCollection.Name)]
public sealed class DrainTests : IAsyncLifetime
{
    private const int DrainSeconds = 60;
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(20);

    // As long as a lost SYN takes to be sent again, and no longer: what is refused or dropped takes more.
    private static readonly TimeSpan AtOnce = TimeSpan.FromSeconds(1);

    private OpenConnectionMesh _mesh = null!;

    public async ValueTask InitializeAsync() => _mesh = await OpenConnectionMesh.StartAsync(new MeshLabOptions { AgentArguments = ["--drain-seconds", $"{DrainSeconds}"] });

    public ValueTask DisposeAsync() => _mesh.DisposeAsync();

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    public async Task New_connections_between_nodes_are_made_while_either_end_drains(int node)
    {
        await BeginToDrainAsync(node);
        for (var i = 0; i < 20; i++)
        {
            using var another = await PeerServer.ConnectAsync(_mesh.Client, _mesh.Server.EndPoint).WaitAsync(AtOnce);
            await PeerServer.PingAsync(another, AtOnce);
        }

        await PeerServer.PingAsync(_mesh.Open, AtOnce);
        _mesh.Open.Dispose();
        Assert.Equal(0, await _mesh.Lab.Nodes[node].Agent!.WaitForExitAsync(Deadline));
    }

    [Fact]
    public async Task An_agent_that_drains_says_so_with_the_time_that_is_left()
    {
        var node = _mesh.Lab.Nodes[1];
        Assert.Null((await node.StatusAsync()).DrainRemaining);
        await BeginToDrainAsync(1);
        var status = await node.StatusAsync();
        Assert.False(status.Ready);
        Assert.InRange(status.DrainRemaining.ToTimeSpan().TotalSeconds, 1, DrainSeconds);
        Assert.True(status.OpenConnections > 0);
        Assert.Equal(1, (await node.MetricsAsync()).Sum("culvert_build_info"));

        var text = await node.Place.RunAsync(LabPrograms.Culvert, ["status", "--admin-socket", node.AdminSocket]);
        Assert.Equal(1, text.ExitCode);
        Assert.Contains("draining", text.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_policy_that_changes_meanwhile_is_in_force_on_an_agent_that_drains()
    {
        await BeginToDrainAsync(1);
        _mesh.Lab.Objects.Write("policy-web", MeshObjects.Allow("web", "web", [], "guest"));
        await LabWait.UntilAsync("the connection that is no longer allowed is cut", async () => await IsCutAsync(_mesh.Open), Deadline, _mesh.Lab.Nodes[1].Agent);
    }

    [Fact]
    public async Task A_detach_ends_an_agent_that_drains()
    {
        await BeginToDrainAsync(1);
        var node = _mesh.Lab.Nodes[1];
        using (var admin = new Cli.Admin.AdminClient(node.AdminSocket, LabWait.Patience))
        {
            await admin.DetachAsync(CancellationToken.None);
        }

        Assert.Equal(0, await node.Agent!.WaitForExitAsync(Deadline));
    }

    private async Task BeginToDrainAsync(int node)
    {
        var agent = _mesh.Lab.Nodes[node].Agent!;
        await agent.SignalAsync("TERM");
        await LabWait.UntilAsync("the agent says that it drains", async () => (await _mesh.Lab.Nodes[node].StatusAsync()).DrainRemaining is not null, Deadline, agent);
    }

    private static async Task<bool> IsCutAsync(Socket socket)
    {
        try
        {
            await PeerServer.SendAllAsync(socket, new byte[1]);
            return await socket.ReceiveAsync(new byte[1]).WaitAsync(Deadline) == 0;
        }
        catch (SocketException)
        {
            return true;
        }
    }
}
