using System.Globalization;
using System.Net.Sockets;
using Culvert.Labs;
using Culvert.Labs.Mesh;
using Culvert.SystemTests.Fixtures;
using Culvert.SystemTests.Peers;

namespace Culvert.SystemTests;

/// <summary>An agent that is killed, a pod that falls silent, a link that is cut for a while: what connections see of it.</summary>
[Collection(MeshCollection.Name)]
public sealed class LostPeerTests(MeshFixture mesh)
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(30);

    [Theory]
    [InlineData(0, true, TestFamily.IPv4)]
    [InlineData(0, false, TestFamily.IPv4)]
    [InlineData(1, true, TestFamily.IPv4)]
    [InlineData(1, false, TestFamily.IPv4)]
    [InlineData(0, true, TestFamily.IPv6)]
    [InlineData(1, true, TestFamily.IPv6)]
    [Trait("Category", "Attack")]
    public async Task The_death_of_an_agent_is_a_reset_to_both_ends_and_no_end_of_the_stream(int node, bool upload, TestFamily family)
    {
        var ends = new TaskCompletionSource<SocketError>();
        var flowing = new TaskCompletionSource();
        await using var server = PeerServer.Start(mesh.Far, MeshFixture.AddressOf(mesh.Far, family), async socket =>
            ends.SetResult(upload ? await EndlessStream.ReceiveAsync(socket, flowing) : await EndlessStream.SendAsync(socket)));
        using var client = await PeerServer.ConnectAsync(mesh.Client, server.EndPoint);
        var own = upload ? EndlessStream.SendAsync(client) : EndlessStream.ReceiveAsync(client, flowing);
        await flowing.Task.WaitAsync(Limit);
        var agent = mesh.Mesh.Nodes[node];
        await agent.KillAgentAsync();
        try
        {
            Assert.Equal((SocketError.ConnectionReset, SocketError.ConnectionReset), (await ends.Task.WaitAsync(Limit), await own.WaitAsync(Limit)));
        }
        finally
        {
            await agent.StartAgentAsync();
        }
    }

    [Fact]
    public async Task A_pod_that_has_fallen_silent_is_noticed()
    {
        await using var own = await MeshFixture.CreateAsync(new MeshLabOptions { AgentArguments = ["--keepalive-seconds", "1"] });
        var client = await own.AddPodAsync(own.Nodes[0], "client", "client");
        var far = await own.AddPodAsync(own.Nodes[1], "far", "web");
        await MeshFixture.StartAsync(own);
        var over = new TaskCompletionSource();
        await using var server = PeerServer.Start(far, far.Address4, async end =>
        {
            await end.ReceiveAsync(new byte[1]);
            await PeerServer.SendAllAsync(end, new byte[1]);
            await over.Task; // it hears of nothing
        });
        using var socket = await PeerServer.ConnectAsync(client, server.EndPoint);
        await ExchangeAsync(socket);

        // Without its local table the pod takes nothing in, and says nothing.
        await far.ScriptAsync("ip rule delete priority 0");

        try
        {
            var e = await Assert.ThrowsAsync<SocketException>(() => socket.ReceiveAsync(new byte[1]).WaitAsync(Limit));
            Assert.Equal(SocketError.ConnectionReset, e.SocketErrorCode);
        }
        finally
        {
            over.SetResult();
        }
    }

    [Fact]
    public async Task An_idle_connection_survives_half_a_minute_without_the_link()
    {
        await using var own = await MeshFixture.CreateAsync(new MeshLabOptions());
        var client = await own.AddPodAsync(own.Nodes[0], "client", "client");
        var far = await own.AddPodAsync(own.Nodes[1], "far", "web");
        await MeshFixture.StartAsync(own);
        await using var server = PeerServer.Start(far, far.Address4, PeerServer.EchoAsync);
        using var socket = await PeerServer.ConnectAsync(client, server.EndPoint);
        await ExchangeAsync(socket);
        var port = string.Create(CultureInfo.InvariantCulture, $"ip -n {own.Lab.Prefix}link link set port{own.Nodes[1].Place.Index}");
        await Tool.RequireAsync("sh", ["-ec", $"{port} nomaster"]);

        // The outage is what is tested: there is nothing to wait for but its end. Before, the tunnel ended after 30 s.
        await Task.Delay(TimeSpan.FromSeconds(36));
        await Tool.RequireAsync("sh", ["-ec", $"{port} master br0"]);

        await ExchangeAsync(socket);
    }

    private static async Task ExchangeAsync(Socket socket)
    {
        await PeerServer.SendAllAsync(socket, new byte[1]);
        Assert.Equal(1, await socket.ReceiveAsync(new byte[1]).WaitAsync(TimeSpan.FromSeconds(100)));
    }
}
