using System.Net.Sockets;
using Culvert.Labs;
using Culvert.Labs.Mesh;
using Culvert.SystemTests.Fixtures;
using Culvert.SystemTests.Peers;

namespace Culvert.SystemTests;

/// <summary>An agent that takes its node over from the one that runs (<c>--take-over</c>), while connections run and begin.</summary>
[Collection(MeshCollection.Name)]
public class HandoverTests : IAsyncLifetime
{
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(20);

    // As long as a lost SYN takes to be sent again, and no longer: what is refused or dropped takes more.
    private static readonly TimeSpan AtOnce = TimeSpan.FromSeconds(1);

    private OpenConnectionMesh _mesh = null!;

    /// <summary>Where pods are captured.</summary>
    private protected virtual string Capture => "host";

    public async ValueTask InitializeAsync() => _mesh = await OpenConnectionMesh.StartAsync(new MeshLabOptions { Capture = Capture, AgentArguments = ["--drain-seconds", "60"] });

    public async ValueTask DisposeAsync()
    {
        await _mesh.DisposeAsync();
        GC.SuppressFinalize(this);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    public async Task Connections_begin_and_go_on_without_a_pause_while_one_agent_takes_over_from_another(int index)
    {
        var node = _mesh.Lab.Nodes[index];
        using var enough = new CancellationTokenSource();
        var asking = Task.Run(() => AskAsync(enough.Token));
        for (var round = 0; round < 2; round++)
        {
            using var lasting = await PeerServer.ConnectAsync(_mesh.Client, _mesh.Server.EndPoint);
            await PeerServer.PingAsync(lasting, Deadline);
            var before = await node.ReplaceAgentAsync();
            await PeerServer.PingAsync(lasting, AtOnce);

            // What the one before carries keeps it, until its time is over.
            await before.SignalAsync("TERM");
            await PeerServer.PingAsync(lasting, AtOnce);
            lasting.Dispose();
            if (round == 0) _mesh.Open.Dispose();
            await AssertEndsAsync(before, 0);
        }

        await enough.CancelAsync();
        Assert.True(await asking > 50, "too few connections to tell of anything");
    }

    [Fact]
    public async Task Datagrams_of_a_session_go_on_after_a_handover_at_either_end()
    {
        await using var server = UdpPeer.StartEcho(_mesh.Far, TestFamily.IPv4);
        using var client = UdpPeer.Connect(_mesh.Client, server.EndPoint);
        await UdpPeer.ExchangeAsync(client, [1]);
        foreach (var node in _mesh.Lab.Nodes)
        {
            var before = await node.ReplaceAgentAsync();
            await UdpPeer.ExchangeAsync(client, [2], tries: 4, secondsPerTry: 0.5);
            _mesh.Open.Dispose();
            await before.SignalAsync("TERM");
            await AssertEndsAsync(before, 0);
            await UdpPeer.ExchangeAsync(client, [3], tries: 4, secondsPerTry: 0.5);
        }
    }

    /// <summary>As a supervisor does that gives up one which says it is not ready, as it does while it hands over.</summary>
    [Fact]
    public async Task An_agent_that_is_stopped_while_it_hands_over_stays_until_the_next_has_the_node()
    {
        var node = _mesh.Lab.Nodes[1];
        var before = node.Agent!;
        _mesh.Open.Dispose();
        using var enough = new CancellationTokenSource();
        var asking = Task.Run(() => AskAsync(enough.Token));
        var replacing = node.ReplaceAgentAsync();
        await LabWait.UntilAsync("it hands over", () => before.ReadLog().Contains("another agent is taking this node over", StringComparison.Ordinal), Deadline);
        await before.SignalAsync("TERM");
        await replacing;
        await AssertEndsAsync(before, 0);
        Assert.Contains("told to stop while another agent takes the node over", before.ReadLog(), StringComparison.Ordinal);
        await enough.CancelAsync();
        Assert.True(await asking > 10, "too few connections to tell of anything");
    }

    [Fact]
    public async Task An_agent_whose_successor_dies_before_it_works_ends_to_be_started_anew()
    {
        var node = _mesh.Lab.Nodes[1];
        var before = node.Agent!;
        await Assert.ThrowsAnyAsync<Exception>(() => node.ReplaceAgentAsync("--readiness", "192.0.2.1:15021"));
        Assert.Contains("--readiness 192.0.2.1:15021", node.Agent!.ReadLog(), StringComparison.Ordinal);
        _mesh.Open.Dispose();
        await AssertEndsAsync(before, 1);
        Assert.Contains("the node could not be handed over", before.ReadLog(), StringComparison.Ordinal);
        await node.StartAgentAsync();
        using var fresh = await PeerServer.ConnectAsync(_mesh.Client, _mesh.Server.EndPoint).WaitAsync(Deadline);
        await PeerServer.PingAsync(fresh, Deadline);
    }

    [Fact]
    public async Task An_agent_that_does_not_ask_for_the_node_is_refused_beside_another()
    {
        var node = _mesh.Lab.Nodes[1];
        await node.StartAgentAsync(ready: false);
        Assert.Equal(1, await node.Agent!.WaitForExitAsync(Deadline));
        Assert.Contains("another agent uses it", node.Agent.ReadLog(), StringComparison.Ordinal);
        await PeerServer.PingAsync(_mesh.Open, AtOnce);
    }

    private static async Task AssertEndsAsync(LabProcess agent, int expected)
    {
        try
        {
            var code = await agent.WaitForExitAsync(Deadline);
            Assert.True(code == expected, $"it ended with {code}: {agent.LogTail(40)}");
        }
        catch (TimeoutException)
        {
            Assert.Fail($"it does not end: {agent.LogTail(40)}");
        }
    }

    // New connections, one after the other, none of which may fail or wait.
    private async Task<int> AskAsync(CancellationToken enough)
    {
        var asked = 0;
        while (!enough.IsCancellationRequested)
        {
            using var socket = await PeerServer.ConnectAsync(_mesh.Client, _mesh.Server.EndPoint).WaitAsync(AtOnce, CancellationToken.None);
            await PeerServer.PingAsync(socket, AtOnce);
            asked++;
        }

        return asked;
    }
}
