using System.Net;
using System.Net.Sockets;
using Culvert.Datapath.Tests.Support;
using Culvert.Interop.Abi;

namespace Culvert.Datapath.Tests.Live;

/// <summary>Plain traffic between pods and machines outside of the mesh, and the node's own.</summary>
public sealed class ExternalTests : IClassFixture<LiveWorld>
{
    private readonly LiveWorld _world;

    public ExternalTests(LiveWorld world)
    {
        _world = world;
        _world.Reset();
    }

    [Theory, InlineData(false), InlineData(true)]
    public async Task A_strict_pod_reaches_external_servers_by_stream_and_datagram(bool v6)
    {
        Strict(_world.A);
        IPEndPoint to = new(_world.X(v6), 8080);
        using Socket listener = Peer.Listen(_world.PodX, to);
        using Socket client = await Peer.Connect(_world.PodA, to);
        using Socket server = await listener.AcceptAsync(Peer.Deadline());
        await Peer.ExchangeAsync(client, server, 4 << 20);
        await EchoAsync(_world.PodA, _world.PodX, to, 100);
    }

    [Theory, InlineData(false), InlineData(true)]
    public async Task External_clients_reach_a_permissive_pod_and_are_refused_by_a_strict_one(bool v6)
    {
        using Socket listener = Peer.Listen(_world.PodB, _world.B.At(v6, 80));
        using (Socket client = await Peer.Connect(_world.PodX, _world.B.At(v6, 80)))
        using (Socket server = await listener.AcceptAsync(Peer.Deadline()))
        {
            await Peer.ExchangeAsync(client, server, 1 << 20);
        }
        Strict(_world.B);
        Assert.Equal(SocketError.ConnectionRefused, await Peer.Refusal(_world.PodX, _world.B.At(v6, 80)));
        Assert.Equal((byte)CvReason.StrictMtls, _world.Await(e => e.Type == (byte)CvEventType.Denied).Reason);
    }

    [Theory, InlineData(false), InlineData(true)]
    public async Task The_nodes_own_probes_pass_in_strict_mode(bool v6)
    {
        Strict(_world.B);
        using Socket listener = Peer.Listen(_world.PodB, _world.B.At(v6, 80));
        using Socket probe = await Peer.Connect(_world.Node, _world.B.At(v6, 80));
        using Socket server = await listener.AcceptAsync(Peer.Deadline());
        await Peer.ExchangeAsync(probe, server, 1 << 20);
        Assert.Empty(_world.Maps.Flows.ToList());
    }

    [Theory, InlineData(false), InlineData(true)]
    public async Task Ping_works_in_all_directions(bool v6)
    {
        Strict(_world.A);
        foreach ((Labs.LabNamespace from, IPAddress to) in new (Labs.LabNamespace, IPAddress)[] { (_world.PodA, _world.B.Address(v6)), (_world.PodA, _world.X(v6)), (_world.PodX, _world.A.Address(v6)), (_world.Node, _world.A.Address(v6)) })
            Assert.True((await from.RunAsync("ping", ["-c", "1", "-W", "5", to.ToString()])).Succeeded, $"{from} to {to}");
    }

    [Theory, InlineData(false), InlineData(true)]
    public async Task Datagrams_to_a_service_outside_the_mesh_come_back_from_the_service(bool v6)
    {
        _world.SetService(LiveWorld.Generation, v6, 95, 12, default, _world.X(v6));
        using Socket echo = Peer.Datagrams(_world.PodX, new(_world.X(v6), WorldContent.BackendPort));
        using Socket client = Peer.Open(_world.PodA, v6, SocketType.Dgram);
        await client.ConnectAsync(new IPEndPoint(World.Vip(v6), 95));
        await RoundTripAsync(client, echo, 100);
        await RoundTripAsync(client, echo, 4000);
        echo.Dispose();
        Assert.Equal(SocketError.ConnectionRefused, await Peer.DatagramError(client));
    }

    internal static async Task EchoAsync(Labs.LabNamespace from, Labs.LabNamespace at, IPEndPoint to, int size, IPEndPoint? shown = null)
    {
        using Socket echo = Peer.Datagrams(at, to);
        using Socket client = Peer.Open(from, Peer.IsV6(to), SocketType.Dgram);
        await client.ConnectAsync(shown ?? to);
        await RoundTripAsync(client, echo, size);
    }

    /// <summary>One datagram there and one back, over a connected socket, which takes answers from its peer only.</summary>
    internal static async Task RoundTripAsync(Socket client, Socket echo, int size)
    {
        byte[] sent = Packet.Pattern(size), buffer = new byte[65536];
        await client.SendAsync(sent, Peer.Deadline());
        SocketReceiveFromResult got = await echo.ReceiveFromAsync(buffer, new IPEndPoint(Peer.IsV6((IPEndPoint)echo.LocalEndPoint!) ? IPAddress.IPv6Any : IPAddress.Any, 0), Peer.Deadline());
        Assert.Equal(sent, buffer[..got.ReceivedBytes]);
        await echo.SendToAsync(sent, got.RemoteEndPoint, Peer.Deadline());
        int length = await client.ReceiveAsync(buffer, Peer.Deadline());
        Assert.Equal(sent, buffer[..length]);
    }

    private void Strict(Workload pod) => _world.SetPod(LiveWorld.Generation, pod, CvAddressFlag.Strict, CvEndpointFlag.Strict);
}
