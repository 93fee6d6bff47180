using System.Diagnostics;
using Culvert.Labs;
using Culvert.Labs.Mesh;
using Culvert.SystemTests.Fixtures;
using Culvert.SystemTests.Peers;

namespace Culvert.SystemTests;

/// <summary>What signals do to the real programs.</summary>
[Collection(MeshCollection.Name)]
public sealed class SignalTests : IAsyncLifetime
{
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(20);

    // The command line's library ends programs 2 s after a signal, unless told otherwise.
    private static readonly TimeSpan LongerThanTheLibrary = TimeSpan.FromSeconds(3);

    private MeshLab _mesh = null!;
    private LabPod _client = null!;
    private LabPod _far = null!;

    public async ValueTask InitializeAsync()
    {
        _mesh = await MeshFixture.CreateAsync(new MeshLabOptions { AgentArguments = ["--drain-seconds", "60"] });
        _client = await _mesh.AddPodAsync(_mesh.Nodes[0], "client", "client");
        _far = await _mesh.AddPodAsync(_mesh.Nodes[1], "far", "web");
        await MeshFixture.StartAsync(_mesh);
    }

    public ValueTask DisposeAsync() => _mesh.DisposeAsync();

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    public async Task SIGTERM_leaves_an_agent_the_time_to_drain_that_was_given_and_no_more_than_it_takes(int node)
    {
        await using var server = PeerServer.Start(_far, _far.Address4, PeerServer.EchoAsync);
        var client = await PeerServer.ConnectAsync(_client, server.EndPoint);
        await PeerServer.PingAsync(client, Deadline);
        var agent = _mesh.Nodes[node].Agent!;
        var start = Stopwatch.GetTimestamp();
        await agent.SignalAsync("TERM");
        while (Stopwatch.GetElapsedTime(start) < LongerThanTheLibrary)
        {
            await PeerServer.PingAsync(client, Deadline);
        }

        Assert.False(agent.HasExited);
        client.Dispose();
        Assert.Equal(0, await agent.WaitForExitAsync(Deadline));
    }

    [Fact]
    public async Task A_second_SIGTERM_ends_an_agent_that_drains()
    {
        await using var server = PeerServer.Start(_far, _far.Address4, PeerServer.EchoAsync);
        using var client = await PeerServer.ConnectAsync(_client, server.EndPoint);
        await PeerServer.PingAsync(client, Deadline);
        var agent = _mesh.Nodes[0].Agent!;
        await agent.SignalAsync("TERM");
        await LabWait.UntilAsync("the agent says that it stops", async () => (await File.ReadAllTextAsync(agent.LogFile)).Contains("stopping", StringComparison.Ordinal), Deadline, agent);
        await agent.SignalAsync("TERM");
        await agent.WaitForExitAsync(Deadline);
    }

    [Fact]
    public async Task SIGHUP_ends_neither_agent_nor_controller()
    {
        var agent = _mesh.Nodes[0].Agent!;
        foreach (var program in new[] { agent, _mesh.Controller! })
        {
            await program.SignalAsync("HUP");
            if (InheritedSignals.IgnoreHangUp)
            {
                continue;
            }

            await LabWait.UntilAsync($"{program.Name} notes SIGHUP", async () => (await File.ReadAllTextAsync(program.LogFile)).Contains("SIGHUP", StringComparison.Ordinal), Deadline, program);
        }

        _mesh.Objects.Write("extra", MeshObjects.Service("extra", "web", 80, 80, "10.99.0.1", "fd99::1"));
        await _mesh.Nodes[0].WaitForServiceAsync("extra");
        await _mesh.Controller!.SignalAsync("TERM");
        Assert.Equal(0, await _mesh.Controller.WaitForExitAsync(Deadline));
    }
}
