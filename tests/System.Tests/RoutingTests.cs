using System.Net.Sockets;
using System.Text;
using Culvert.Labs;
using Culvert.Labs.Mesh;
using Culvert.SystemTests.Fixtures;
using Culvert.SystemTests.Peers;

namespace Culvert.SystemTests;

/// <summary>What another program removes of the agent's rules and routes is there again without a restart.</summary>
[Collection(MeshCollection.Name)]
public class RoutingTests(MeshFixture mesh)
{
    private const string Restored = "culvert_routing_restored_total";
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(5);

    /// <summary>How others remove them: ip rule del, as systemd-networkd does, ip route flush, a loopback link that goes down and up.</summary>
    [Theory]
    [InlineData(TestFamily.IPv4, "ip -4 rule del pref 1", 1)]
    [InlineData(TestFamily.IPv6, "ip -6 rule del pref 1", 1)]
    [InlineData(TestFamily.IPv4, "ip -4 rule del pref 2", 1)]
    [InlineData(TestFamily.IPv6, "ip -6 rule del pref 2", 1)]
    [InlineData(TestFamily.IPv4, "ip -4 rule del pref 3", 1)]
    [InlineData(TestFamily.IPv6, "ip -6 rule del pref 3", 1)]
    [InlineData(TestFamily.IPv4, "ip -4 rule del pref 1; ip -4 rule del pref 2; ip -4 rule del pref 3", 3)]
    [InlineData(TestFamily.IPv4, "ip -4 route flush table 15001", 1)]
    [InlineData(TestFamily.IPv6, "ip -6 route flush table 15001", 1)]
    [InlineData(TestFamily.IPv4, "ip -4 route replace blackhole default table 15001", 1)]
    [InlineData(TestFamily.IPv4, "ip link set lo down; ip link set lo up", 1)]
    public async Task A_tunnel_works_again_when_another_program_has_removed_rules_or_routes(TestFamily family, string removal, int pieces)
    {
        var (pod, address) = mesh.Server(TestPath.Tunnel, family);
        await using var server = PeerServer.Start(pod, address, PeerServer.EchoAsync);
        using var before = await PeerServer.ConnectAsync(mesh.Client, server.EndPoint);
        await PeerServer.SendAllAsync(before, "x"u8.ToArray());
        Assert.Equal(1, await before.ReceiveAsync(new byte[1])); // it is through to the other end
        var there = await RoutingAsync();
        var counted = await CountAsync();

        await mesh.Node1.Place.ScriptAsync(removal);

        await LabWait.UntilAsync("what was removed is there again", async () => await RoutingAsync() == there, Deadline);
        await LabWait.UntilAsync("it is counted", async () => await CountAsync() >= counted + pieces, Deadline);
        using var after = await PeerServer.ConnectAsync(mesh.Client, server.EndPoint);
        foreach (var connection in new[] { before, after })
        {
            await PeerServer.SendAllAsync(connection, "hello"u8.ToArray());
            connection.Shutdown(SocketShutdown.Send);
            Assert.Equal("hello", Encoding.ASCII.GetString(await PeerServer.ReceiveAllAsync(connection)));
        }

        Assert.Contains("put back", mesh.Node1.Agent!.ReadLog(), StringComparison.Ordinal);
    }

    private async Task<double> CountAsync() => (await mesh.Node1.MetricsAsync()).Sum(Restored);

    private Task<string> RoutingAsync() =>
        mesh.Node1.Place.ScriptAsync("for f in -4 -6; do ip $f rule show | grep 15001 || true; ip $f route show table 15001; done");
}
