using System.Net;
using System.Net.Sockets;
using System.Text;
using Culvert.Datapath.Tests.Support;
using Culvert.Labs;
using Culvert.Labs.Mesh;
using Culvert.SystemTests.Fixtures;
using Culvert.SystemTests.Peers;

namespace Culvert.SystemTests;

/// <summary>Somebody on the link, or in a pod with raw sockets, speaks in the name of others: real packets between real nodes.</summary>
[Collection(LinkAttackCollection.Name)]
[Trait("Category", "Attack")]
public sealed class SpoofedSourceAttackTests(LinkAttackFixture mesh)
{
    private const string Spoofed = "spoofed-source";

    [Theory]
    [ClassData(typeof(AllPaths))]
    public async Task Attack_a_datagram_in_a_pods_name_opens_no_way_that_policy_denies(TestPath path, TestFamily family)
    {
        var (pod, evaluator) = path == TestPath.Direct ? (mesh.Near, mesh.Node1) : (mesh.Far, mesh.Node2);
        await using var honest = PeerServer.Start(pod, MeshFixture.AddressOf(pod, family), PeerServer.EchoAsync);
        await using var requests = mesh.StartRequests(honest);
        await using var denied = UdpPeer.StartSink(pod, family);
        using var guest = UdpPeer.Bind(mesh.Guest, family);
        var before = await LinkAttackFixture.DropsAsync(mesh.Node1, Spoofed);

        await RawPackets.SendAsync(mesh.External, Packet.OfUdp(denied.EndPoint, (IPEndPoint)guest.LocalEndPoint!));
        await LinkAttackFixture.WaitForDropsAsync(mesh.Node1, Spoofed, before + 1);

        // Of what is refused to an interface so much is told in a second, and others before this test may have had that.
        using var told = new CancellationTokenSource();
        var sending = SendUntilAsync(guest, denied.EndPoint, told.Token);
        var refusal = await evaluator.WaitForFlowAsync("the guest's own datagram", f => f.Destination.Port == denied.EndPoint.Port && f.Source.Identity == MeshObjects.Identity("guest"));
        await told.CancelAsync();
        await sending;
        Assert.Equal(Protocol.V1.Verdict.Deny, refusal.Verdict);
        Assert.Equal(0, denied.Received);
        Assert.Equal(0, guest.Available);
        await AssertUndisturbedAsync(requests);
    }

    private static async Task SendUntilAsync(Socket socket, IPEndPoint to, CancellationToken stop)
    {
        using var second = new PeriodicTimer(TimeSpan.FromSeconds(1));
        try
        {
            do
            {
                await socket.SendToAsync(new byte[1], to, CancellationToken.None);
            }
            while (await second.WaitForNextTickAsync(stop));
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            // It was told.
        }
    }

    [Theory]
    [InlineData(TestFamily.IPv4)]
    [InlineData(TestFamily.IPv6)]
    public async Task Attack_a_datagram_in_a_workloads_name_turns_no_tunnelled_pair_into_plaintext(TestFamily family)
    {
        const string Marker = "who reads this on the link";
        await using var honest = PeerServer.Start(mesh.Far, MeshFixture.AddressOf(mesh.Far, family), PeerServer.EchoAsync);
        await using var requests = mesh.StartRequests(honest);
        await using var echo = UdpPeer.StartEcho(mesh.Far, family);
        using var client = UdpPeer.Connect(mesh.Client, echo.EndPoint);
        var own = (IPEndPoint)client.LocalEndPoint!;
        var capture = await LinkCapture.StartAsync(mesh.Node2, CancellationToken.None);

        // Before the pair has spoken, and while it does; towards either end.
        for (var i = 0; i < 2; i++)
        {
            var before = await Task.WhenAll(mesh.Mesh.Nodes.Select(n => LinkAttackFixture.DropsAsync(n, Spoofed)));
            await RawPackets.SendAsync(mesh.External, Packet.OfUdp(echo.EndPoint, own), Packet.OfUdp(own, echo.EndPoint));
            await Task.WhenAll(mesh.Mesh.Nodes.Zip(before, (n, count) => LinkAttackFixture.WaitForDropsAsync(n, Spoofed, count + 1)));
            await UdpPeer.ExchangeAsync(client, Encoding.ASCII.GetBytes(Marker));
        }

        await AssertUndisturbedAsync(requests);
        var seen = await capture.FinishAsync(Marker, echo.EndPoint.Port);
        Assert.False(seen.MarkerSeen, "it went as plaintext");
        Assert.Equal(2, seen.Datagrams); // those that were forged towards this node
        Assert.True(seen.TunnelPackets > 0);
        Assert.Equal(2, echo.Received);
    }

    [Theory]
    [InlineData(TestFamily.IPv4, true)]
    [InlineData(TestFamily.IPv4, false)]
    [InlineData(TestFamily.IPv6, true)]
    [InlineData(TestFamily.IPv6, false)]
    public Task Attack_nobody_on_the_link_speaks_as_a_Service(TestFamily family, bool tcp) =>
        AssertRefusedAsync(mesh.External, LinkAttackFixture.Virtual(family), mesh.Open, tcp);

    [Theory]
    [InlineData(TestFamily.IPv4, true)]
    [InlineData(TestFamily.IPv4, false)]
    [InlineData(TestFamily.IPv6, true)]
    [InlineData(TestFamily.IPv6, false)]
    public async Task Attack_a_pod_with_raw_sockets_speaks_as_nobody_else(TestFamily family, bool tcp)
    {
        foreach (var source in new LabNamespace[] { mesh.Client, mesh.Far, mesh.External, mesh.Node1.Place })
        {
            await AssertRefusedAsync(mesh.Guest, MeshFixture.AddressOf(source, family), mesh.Open, tcp);
        }

        await AssertRefusedAsync(mesh.Guest, LinkAttackFixture.Virtual(family), mesh.Open, tcp);
    }

    // What is refused does not reach even a socket that hears everything; what the client sends after it does.
    private async Task AssertRefusedAsync(LabNamespace attacker, IPAddress source, LabPod target, bool tcp)
    {
        var family = source.AddressFamily == AddressFamily.InterNetwork ? TestFamily.IPv4 : TestFamily.IPv6;
        var to = new IPEndPoint(MeshFixture.AddressOf(target, family), 4000);
        var from = new IPEndPoint(source, Random.Shared.Next(20_000, 60_000));
        await using var honest = PeerServer.Start(mesh.Far, MeshFixture.AddressOf(mesh.Far, family), PeerServer.EchoAsync);
        await using var requests = mesh.StartRequests(honest);
        await using var heard = RawPackets.Listen(target, source.AddressFamily, tcp ? Packet.Tcp : Packet.Udp);
        var before = await LinkAttackFixture.DropsAsync(mesh.Node1, Spoofed);

        await RawPackets.SendAsync(attacker, tcp ? Packet.OfTcp(from, to, TcpFlags.Syn) : Packet.OfUdp(from, to));
        await LinkAttackFixture.WaitForDropsAsync(mesh.Node1, Spoofed, before + 1);
        var honestPort = from.Port - 10_000;
        var own = new IPEndPoint(MeshFixture.AddressOf(mesh.Client, family), honestPort);
        await RawPackets.SendAsync(mesh.Client, tcp ? Packet.OfTcp(own, to, TcpFlags.Syn) : Packet.OfUdp(own, to));
        await LabWait.UntilAsync("what the client says is heard", () => heard.HasHeard(honestPort), TimeSpan.FromSeconds(10));
        Assert.False(heard.HasHeard(from.Port), $"{from} was let in");
        await AssertUndisturbedAsync(requests);
    }

    private static async Task AssertUndisturbedAsync(Requests requests)
    {
        await requests.MoreAsync(5);
        await requests.StopAsync();
        Assert.Empty(requests.Failures);
    }
}
