using Culvert.Labs.Mesh;
using Culvert.SystemTests.Fixtures;
using Culvert.SystemTests.Peers;

namespace Culvert.SystemTests;

/// <summary>What an agent says at its end.</summary>
[Collection(MeshCollection.Name)]
public sealed class DrainEndTests
{
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(20);

    [Theory]
    [InlineData(true, "1 proxied connections were still open and are reset")]
    [InlineData(false, "0 proxied connections were still open")]
    public async Task An_agent_that_has_drained_says_how_many_connections_it_resets(bool stays, string last)
    {
        await using var mesh = await MeshFixture.CreateAsync(new MeshLabOptions { AgentArguments = ["--drain-seconds", "1"] });
        var client = await mesh.AddPodAsync(mesh.Nodes[0], "client", "client");
        var far = await mesh.AddPodAsync(mesh.Nodes[1], "far", "web");
        await MeshFixture.StartAsync(mesh);
        await using var server = PeerServer.Start(far, far.Address4, PeerServer.EchoAsync);
        using var open = await PeerServer.ConnectAsync(client, server.EndPoint);
        await PeerServer.SendAllAsync(open, new byte[1]);
        Assert.Equal(1, await open.ReceiveAsync(new byte[1]).WaitAsync(Deadline));
        if (!stays)
        {
            open.Dispose();
        }

        var agent = mesh.Nodes[1].Agent!;
        await agent.SignalAsync("TERM");

        Assert.Equal(0, await agent.WaitForExitAsync(Deadline));
        Assert.Contains(last, await File.ReadAllTextAsync(agent.LogFile), StringComparison.Ordinal);
    }
}
