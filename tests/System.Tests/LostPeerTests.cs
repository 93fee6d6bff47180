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
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(100);

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
        var ends = await EndlessStream.KillAsync(mesh.Mesh.Nodes[node], mesh.Client, mesh.Far, MeshFixture.AddressOf(mesh.Far, family), upload);
        Assert.Equal((SocketError.ConnectionReset, SocketError.ConnectionReset), ends);
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
        await PeerServer.PingAsync(socket, Patience);

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
        await PeerServer.PingAsync(socket, Patience);
        var port = string.Create(CultureInfo.InvariantCulture, $"ip -n {own.Lab.Prefix}link link set port{own.Nodes[1].Place.Index}");
        await Tool.RequireAsync("sh", ["-ec", $"{port} nomaster"]);

        // The outage is what is tested: there is nothing to wait for but its end. Before, the tunnel ended after 30 s.
        await Task.Delay(TimeSpan.FromSeconds(36));
        await Tool.RequireAsync("sh", ["-ec", $"{port} master br0"]);

        await PeerServer.PingAsync(socket, Patience);
    }
}
