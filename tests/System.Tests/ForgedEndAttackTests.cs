using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Culvert.Datapath.Tests.Support;
using Culvert.Labs;
using Culvert.Labs.Mesh;
using Culvert.Protocol.V1;
using Culvert.SystemTests.Fixtures;
using Culvert.SystemTests.Peers;

namespace Culvert.SystemTests;

/// <summary>Somebody on the link who does not see a connection makes up resets, ends, beginnings and errors of it, towards both of its ends and its tunnel's.</summary>
[Collection(LinkAttackCollection.Name)]
[Trait("Category", "Attack")]
public sealed class ForgedEndAttackTests(LinkAttackFixture mesh)
{
    private const int TunnelPort = 15008;

    // By chance one may lie in the window of the sequence, once in some hundreds; what it acknowledges would have to fit as well (RFC 5961, 5.2).
    private static readonly uint[] Guesses = [0, 0x2000_0000, 0x4000_0000, 0x6000_0000, 0x8000_0000, 0xA000_0000, 0xC000_0000, 0xE000_0000];

    private static readonly TcpFlags[] Ends = [TcpFlags.Rst, TcpFlags.Rst | TcpFlags.Ack, TcpFlags.Fin | TcpFlags.Ack, TcpFlags.Syn, TcpFlags.Syn | TcpFlags.Ack];

    [Theory]
    [ClassData(typeof(AllPaths))]
    public async Task Attack_a_running_connection_of_the_mesh_outlives_forged_ends_and_errors(TestPath path, TestFamily family)
    {
        var pod = path == TestPath.Direct ? mesh.Near : mesh.Far;
        await using var server = PeerServer.Start(pod, MeshFixture.AddressOf(pod, family), PeerServer.EchoAsync);
        var begun = DateTimeOffset.UtcNow;
        using var client = await PeerServer.ConnectAsync(mesh.Client, server.EndPoint);
        await ExchangeAsync(client);
        var own = (IPEndPoint)client.LocalEndPoint!;

        foreach (var (from, to, node, behind) in new[] { (server.EndPoint, own, mesh.Node1, mesh.Client), (own, server.EndPoint, path == TestPath.Direct ? mesh.Node1 : mesh.Node2, pod) })
        {
            var before = await LinkAttackFixture.DropsAsync(node, "spoofed-source");
            await ForgeAsync(from, to, node, behind);
            Assert.InRange(await LinkAttackFixture.DropsAsync(node, "spoofed-source"), before + (Guesses.Length * Ends.Length), double.MaxValue);
        }

        if (path == TestPath.Tunnel)
        {
            var tunnels = await TunnelsAsync(family);
            Assert.NotEmpty(tunnels);
            foreach (var (near, far) in tunnels)
            {
                await ForgeAsync(near, far, mesh.Node2, pod);
                await ForgeAsync(far, near, mesh.Node1, mesh.Client);
            }
        }

        await ExchangeAsync(client);
        Assert.Empty(server.Failures);
        await AssertNotClosedAsync(own, begun);
    }

    [Theory]
    [InlineData(TestFamily.IPv4)]
    [InlineData(TestFamily.IPv6)]
    public async Task Attack_a_pods_running_connection_to_an_external_server_outlives_forged_ends_and_errors(TestFamily family)
    {
        await using var server = PeerServer.Start(mesh.External, MeshFixture.AddressOf(mesh.External, family), PeerServer.EchoAsync);
        var begun = DateTimeOffset.UtcNow;
        using var client = await PeerServer.ConnectAsync(mesh.Client, server.EndPoint);
        await ExchangeAsync(client);

        await ForgeAsync(server.EndPoint, (IPEndPoint)client.LocalEndPoint!, mesh.Node1, mesh.Client);

        await ExchangeAsync(client);
        Assert.Empty(server.Failures);
        await AssertNotClosedAsync((IPEndPoint)client.LocalEndPoint!, begun);
    }

    // The socket by which the destination's node speaks as the client is found by addresses and ports, whoever brings a packet with them.
    [Theory]
    [InlineData(TestFamily.IPv4)]
    [InlineData(TestFamily.IPv6)]
    public async Task Attack_an_answer_that_is_made_up_at_the_destinations_node_reaches_nobody(TestFamily family)
    {
        await using var server = UdpPeer.StartEcho(mesh.Far, family, 8080);
        using var client = UdpPeer.Connect(mesh.Client, server.EndPoint);
        await UdpPeer.ExchangeAsync(client, "a question"u8.ToArray(), tries: 5);
        var own = (IPEndPoint)client.LocalEndPoint!;
        var route = family == TestFamily.IPv4 ? $"route replace {own.Address}/32 via {mesh.Node2.Place.Address4}" : $"-6 route replace {own.Address}/128 via {mesh.Node2.Place.Address6}";

        await mesh.External.ScriptAsync($"ip {route}");
        try
        {
            await RawPackets.SendAsync(mesh.External, [.. Enumerable.Repeat(Packet.OfUdp(server.EndPoint, own, payload: 32), 20)]);
        }
        finally
        {
            await mesh.External.ScriptAsync($"ip {route.Replace("replace", "del", StringComparison.Ordinal)}");
        }

        // What came before it would be taken for it.
        await client.SendAsync("another question"u8.ToArray());
        var answer = new byte[64];
        var length = await client.ReceiveAsync(answer).WaitAsync(TimeSpan.FromSeconds(10) * LabWait.Patience);
        Assert.Equal("another question"u8.ToArray(), answer[..length]);
        Assert.Equal(0, client.Available);
    }

    // Both sides' kernels and the datapath have seen all of it at the end.
    private async Task ForgeAsync(IPEndPoint from, IPEndPoint to, MeshNode node, LabPod behind)
    {
        List<Packet> packets = [];
        var external = MeshFixture.AddressOf(mesh.External, FamilyOf(to));
        foreach (var guess in Guesses)
        {
            foreach (var flags in Ends)
            {
                packets.Add(Packet.OfTcp(from, to, flags) with { Sequence = guess, Acknowledgement = ~guess });
            }

            var quoted = Packet.OfTcp(to, from, TcpFlags.Ack) with { Sequence = guess };
            packets.Add(Packet.OfErrorAbout(from.Address, to.Address, quoted.BuildIp()));
            packets.Add(Packet.OfErrorAbout(external, to.Address, quoted.BuildIp()));
        }

        // One more that is refused under a name of its own, and comes after them.
        const string Last = "unsupported-protocol";
        packets.Add(new Packet { Source = external, Destination = MeshFixture.AddressOf(behind, FamilyOf(to)), Protocol = 253, Payload = new byte[8] }); // RFC 3692
        var before = await LinkAttackFixture.DropsAsync(node, Last);
        await RawPackets.SendAsync(mesh.External, packets);
        await LinkAttackFixture.WaitForDropsAsync(node, Last, before + 1);
    }

    // Connections of other tests may have had the same port, and ended before this one began.
    private async Task AssertNotClosedAsync(IPEndPoint client, DateTimeOffset begun)
    {
        foreach (var node in mesh.Mesh.Nodes)
        {
            Assert.DoesNotContain(await node.FlowsAsync(), f => f.Event == FlowEvent.Closed && f.Time.ToDateTimeOffset() >= begun && f.Source.Port == client.Port && new IPAddress(f.Source.Address.Span).Equals(client.Address));
        }
    }

    // Both ends of the tunnels from node1 to the pod of the other.
    private async Task<List<(IPEndPoint Near, IPEndPoint Far)>> TunnelsAsync(TestFamily family)
    {
        var filter = string.Create(CultureInfo.InvariantCulture, $"( dport = :{TunnelPort} )");
        var sockets = await mesh.Node1.Place.RunAsync("ss", ["-Htn", "state", "established", filter]);
        Assert.True(sockets.Succeeded, sockets.Error);
        return [.. sockets.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries)
            .Select(l => l.Split(' ', StringSplitOptions.RemoveEmptyEntries))
            .Select(c => (Near: IPEndPoint.Parse(c[^2]), Far: IPEndPoint.Parse(c[^1])))
            .Where(t => t.Far.Address.Equals(MeshFixture.AddressOf(mesh.Far, family)))];
    }

    private static TestFamily FamilyOf(IPEndPoint endPoint) => endPoint.AddressFamily == AddressFamily.InterNetwork ? TestFamily.IPv4 : TestFamily.IPv6;

    private static async Task ExchangeAsync(Socket client)
    {
        for (var i = 0; i < 5; i++)
        {
            await PeerServer.PingAsync(client, TimeSpan.FromSeconds(10));
        }
    }
}
