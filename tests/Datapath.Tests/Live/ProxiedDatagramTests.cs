using System.Net;
using System.Net.Sockets;
using Culvert.Datapath.Tests.Support;
using Culvert.Interop.Abi;
using Culvert.Interop.Sockets;

namespace Culvert.Datapath.Tests.Live;

/// <summary>Datagrams of a pod to a Service that go by the proxy and are addressed to the backend before the node's own rules see them. The test plays the proxy; X is the backend.</summary>
public sealed class ProxiedDatagramTests : IClassFixture<LiveWorld>
{
    private const int ServicePort = 90, OtherPort = 91, Loops = 4;

    private readonly LiveWorld _world;

    public ProxiedDatagramTests(LiveWorld world)
    {
        _world = world;
        _world.Reset();
        _world.PutXBehind(ServicePort, OtherPort);
    }

    public static TheoryData<bool> Families => [false, true];

    private static IPEndPoint Service(bool v6, int port = ServicePort) => new(World.Vip(v6), port);

    private IPEndPoint Backend(bool v6) => new(_world.X(v6), WorldContent.BackendPort);

    private IPEndPoint Client(bool v6, int port = 40000) => _world.A.At(v6, port);

    private Socket ConnectFrom(bool v6, IPEndPoint to, int port = 40000)
    {
        Socket socket = Peer.Datagrams(_world.PodA, Client(v6, port));
        socket.Connect(to);
        return socket;
    }

    /// <summary>A socket of the proxy that answers for a Service.</summary>
    private Socket AnswerAs(IPEndPoint backend, IPEndPoint client, IPEndPoint service)
    {
        Socket socket = Peer.SpeakAs(_world, backend, client);
        Assert.Equal(SocketErrno.None, _world.Maps.OwnSockets.TryEnterSocket(socket.SafeHandle, new CvOwnSocket
        {
            Kind = (uint)CvOwnKind.Service,
            Addr = Abi.Address(service.Address),
            Port = Abi.Network((ushort)service.Port),
        }));
        return socket;
    }

    private static async Task<byte[]> ReceiveAsync(Socket socket)
    {
        byte[] buffer = new byte[65536];
        return buffer[..await socket.ReceiveAsync(buffer, Peer.Deadline())];
    }

    [Theory, MemberData(nameof(Families))]
    public async Task Of_every_size_they_reach_one_loop_with_the_backends_address_and_answers_have_the_Services(bool v6)
    {
        using Proxy proxy = new(_world, v6, Loops);
        using Socket client = ConnectFrom(v6, Service(v6));
        HashSet<int> loops = [];
        int whole = v6 ? 1452 : 1472;
        int[] sizes = [0, 1, 500, whole, whole + 1, 20_000, v6 ? 65487 : 65507];
        foreach (int size in sizes)
        {
            byte[] payload = Packet.Pattern(size);
            await client.SendAsync(payload, Peer.Deadline());
            (ProxyHeader? header, byte[] got, IPEndPoint from, IPAddress to, int loop) = await proxy.NextAsync();
            Assert.Equal(payload, got);
            Assert.Equal((Client(v6), _world.X(v6), size > whole), (from, to, header is null));
            if (header is not null) Assert.Equal((from, Service(v6), (uint)CvSessionFlag.Drawn), (header.From, header.To, header.Endpoint.Flags));
            loops.Add(loop);
        }
        Assert.Single(loops);
        using Socket answers = AnswerAs(Backend(v6), Client(v6), Service(v6));
        foreach (int size in sizes)
        {
            byte[] payload = Packet.Pattern(size);
            await answers.SendAsync(payload, Peer.Deadline());
            Assert.Equal(payload, await ReceiveAsync(client)); // the socket is connected: what has another address does not come
            await client.SendAsync(payload, Peer.Deadline());
            Assert.Equal(payload, size > whole ? await ReceiveAsync(answers) : (await proxy.NextAsync()).Payload); // the kernel itself finds the socket of fragments
        }
    }

    [Theory, MemberData(nameof(Families))]
    public async Task The_sessions_own_entries_name_the_backend_and_the_Service(bool v6)
    {
        using Proxy proxy = new(_world, v6);
        using Socket client = ConnectFrom(v6, Service(v6));
        await client.SendAsync(new byte[1], Peer.Deadline());
        await proxy.NextAsync();
        CvSession session = _world.Maps.Session(Abi.Key(Client(v6), Service(v6), Packet.Udp)).GetValueOrDefault();
        CvSession translated = _world.Maps.Session(Abi.Key(Client(v6), Backend(v6), Packet.Udp)).GetValueOrDefault();
        Assert.Equal((Abi.Address(_world.X(v6)), Abi.Network(WorldContent.BackendPort), (uint)CvSessionFlag.Drawn), (session.Addr, session.Port, session.Flags));
        Assert.Equal((Abi.Address(World.Vip(v6)), Abi.Network(ServicePort), (uint)CvSessionFlag.Translated), (translated.Addr, translated.Port, translated.Flags));
    }

    [Theory, MemberData(nameof(Families))]
    public async Task What_the_node_has_tracked_of_them_is_a_conversation_with_the_backend(bool v6)
    {
        using Proxy proxy = new(_world, v6);
        string family = v6 ? "ip6" : "ip";
        await using NodeTable table = await NodeTable.AddAsync(_world.Node, "inet seen", $"""
            nft add chain inet seen in '{"{ type filter hook input priority 0; }"}'
            nft add chain inet seen out '{"{ type filter hook output priority 0; }"}'
            nft add rule inet seen in {family} daddr {_world.X(v6)} udp dport {WorldContent.BackendPort} counter accept
            nft add rule inet seen in {family} daddr {World.Vip(v6)} counter drop
            nft add rule inet seen out {family} saddr {World.Vip(v6)} counter drop
            nft add rule inet seen out {family} daddr {_world.A.Address(v6)} ct state established counter accept
            nft add rule inet seen out {family} daddr {_world.A.Address(v6)} udp dport 40000 counter drop
            """);
        using Socket client = ConnectFrom(v6, Service(v6)), answers = AnswerAs(Backend(v6), Client(v6), Service(v6));
        foreach (int size in (int[])[100, 5000])
        {
            await client.SendAsync(Packet.Pattern(size), Peer.Deadline());
            Assert.Equal(size, (size > 1400 ? await ReceiveAsync(answers) : (await proxy.NextAsync()).Payload).Length);
            await answers.SendAsync(Packet.Pattern(size), Peer.Deadline());
            Assert.Equal(size, (await ReceiveAsync(client)).Length);
        }
        string rules = await table.ListAsync();
        Assert.Equal(3, rules.Split("counter packets 0 bytes 0 drop").Length - 1);
        Assert.DoesNotContain("counter packets 0 bytes 0 accept", rules, StringComparison.Ordinal);
    }

    [Theory, MemberData(nameof(Families))]
    public async Task Rules_that_would_lead_the_Service_elsewhere_have_nothing_to_do(bool v6)
    {
        using Proxy proxy = new(_world, v6);
        string family = v6 ? "ip6" : "ip";
        await using NodeTable table = await NodeTable.AddAsync(_world.Node, "inet elsewhere", $"""
            nft add chain inet elsewhere pre '{"{ type nat hook prerouting priority -100; }"}'
            nft add rule inet elsewhere pre {family} daddr {World.Vip(v6)} counter dnat {family} to {_world.B.Address(v6)}
            """);
        using Socket client = ConnectFrom(v6, Service(v6));
        foreach (int size in (int[])[1, 5000])
        {
            await client.SendAsync(Packet.Pattern(size), Peer.Deadline());
            Assert.Equal(_world.X(v6), (await proxy.NextAsync()).To);
        }
        Assert.Contains("counter packets 0 bytes 0 dnat", await table.ListAsync(), StringComparison.Ordinal);
    }

    // For IPv4 Linux sends none here: its source, the address that the rule refuses, is none of the node's (ip_route_output_key_hash_rcu).
    [Fact]
    public async Task A_refusal_of_the_nodes_rules_about_the_backend_reaches_the_pod()
    {
        using Proxy proxy = new(_world, true);
        await using NodeTable table = await NodeTable.AddAsync(_world.Node, "inet deny", $"""
            nft add chain inet deny in '{"{ type filter hook input priority 0; }"}'
            nft add rule inet deny in ip6 daddr {_world.X(true)} udp dport {WorldContent.BackendPort} reject with icmpv6 type port-unreachable
            """);
        using Socket client = ConnectFrom(true, Service(true));
        Assert.Equal(SocketError.ConnectionRefused, await Peer.DatagramError(client));
        Assert.Equal(0, proxy.Waiting);
    }

    [Theory, MemberData(nameof(Families))]
    public async Task What_the_pod_says_to_an_answer_by_ICMP_reaches_the_proxys_socket(bool v6)
    {
        using Proxy proxy = new(_world, v6);
        Socket client = ConnectFrom(v6, Service(v6));
        using Socket answers = AnswerAs(Backend(v6), Client(v6), Service(v6));
        await client.SendAsync(new byte[1], Peer.Deadline());
        await proxy.NextAsync();
        client.Dispose();
        Assert.Equal(SocketError.ConnectionRefused, await Peer.DatagramError(answers));
    }

    [Theory, MemberData(nameof(Families))]
    public async Task That_nobody_listens_is_told_as_of_the_Service(bool v6)
    {
        using Proxy proxy = new(_world, v6);
        using Socket client = ConnectFrom(v6, Service(v6)), other = ConnectFrom(v6, Service(v6, OtherPort), 40001);
        using PortUnreachableSender sender = LiveWorld.In(_world.Node, () => PortUnreachableSender.TryCreate(new SocketMark(CvAbi.MarkProxy, _world.Maps.OwnSockets), out _)) ?? throw new InvalidOperationException("no raw socket");
        SocketEndPoint backend = new(_world.X(v6), WorldContent.BackendPort);
        foreach ((Socket socket, int port, int service) in new[] { (client, 40000, ServicePort), (other, 40001, OtherPort), (client, 40000, ServicePort) })
        {
            await socket.SendAsync(new byte[1], Peer.Deadline());
            await proxy.NextAsync();
            Assert.Equal(SocketErrno.None, sender.Send(new SocketEndPoint(_world.A.Address(v6), port), new SocketEndPoint(World.Vip(v6), service), backend));
            SocketException refused = await Assert.ThrowsAsync<SocketException>(async () => await ReceiveAsync(socket));
            Assert.Equal(SocketError.ConnectionRefused, refused.SocketErrorCode);
        }
    }

    [Theory, MemberData(nameof(Families))]
    public async Task Two_Services_and_the_backend_itself_are_told_apart_from_one_port(bool v6)
    {
        using Proxy proxy = new(_world, v6);
        using Socket client = Peer.Datagrams(_world.PodA, Client(v6));
        using Socket one = AnswerAs(Backend(v6), Client(v6), Service(v6)), two = AnswerAs(Backend(v6), Client(v6), Service(v6, OtherPort)), itself = Peer.SpeakAs(_world, Backend(v6), Client(v6));
        foreach ((IPEndPoint asked, Socket answers) in new[] { (Service(v6), one), (Service(v6, OtherPort), two), (Backend(v6), itself), (Service(v6), one), (Backend(v6), itself) })
        {
            await client.SendToAsync(new byte[7], asked, Peer.Deadline());
            (ProxyHeader? header, _, _, IPAddress to, _) = await proxy.NextAsync();
            Assert.Equal((asked, _world.X(v6)), (header!.To, to));
            await answers.SendAsync(new byte[9], Peer.Deadline());
            SocketReceiveFromResult got = await client.ReceiveFromAsync(new byte[10], asked, Peer.Deadline());
            Assert.Equal((9, asked), (got.ReceivedBytes, (IPEndPoint)got.RemoteEndPoint));
        }
    }

    [Theory, MemberData(nameof(Families))]
    public async Task A_session_keeps_its_backend_in_later_snapshots_until_it_is_forgotten_or_the_backend_is_gone(bool v6)
    {
        IPAddress[] others = [.. Enumerable.Range(0, 3).Select(i => IPAddress.Parse(v6 ? $"fd00:2::{i + 1}" : $"10.2.0.{i + 1}"))];
        foreach (IPAddress other in others) _world.SetAddress(LiveWorld.Generation, other, new CvAddress { Flags = (uint)CvAddressFlag.Meshed, AuthClass = 31 });
        _world.SetService(LiveWorld.Generation, v6, ServicePort, 9, default, [_world.X(v6), .. others]);
        using Proxy proxy = new(_world, v6);
        using Socket client = ConnectFrom(v6, Service(v6));
        IPAddress first = await BackendOfNextAsync(client, proxy);
        for (uint generation = LiveWorld.Generation + 1; generation < LiveWorld.Generation + 20; generation++)
        {
            NextGeneration(v6, generation, [_world.X(v6), .. others], without: null);
            Assert.Equal(first, await BackendOfNextAsync(client, proxy));
        }
        HashSet<IPAddress> drawn = [];
        for (int i = 0; i < 100; i++)
        {
            _world.Maps.Sessions.Delete(Abi.Key(Client(v6), Service(v6), Packet.Udp));
            drawn.Add(await BackendOfNextAsync(client, proxy));
        }
        Assert.Equal(4, drawn.Count);
        IPAddress last = await BackendOfNextAsync(client, proxy);
        NextGeneration(v6, LiveWorld.Generation + 30, [.. new[] { _world.X(v6) }.Concat(others).Where(b => !b.Equals(last))], without: last);
        Assert.NotEqual(last, await BackendOfNextAsync(client, proxy));

        // Nor is it led out of the mesh when nothing else is left to draw: the proxy chooses.
        NextGeneration(v6, LiveWorld.Generation + 31, [World.External(v6)], without: World.External(v6));
        Assert.Equal(World.Vip(v6), await BackendOfNextAsync(client, proxy));
    }

    [Theory, MemberData(nameof(Families))]
    public async Task What_has_no_header_is_found_although_the_full_table_has_lost_how(bool v6)
    {
        using Proxy proxy = new(_world, v6, Loops);
        using Socket client = ConnectFrom(v6, Service(v6));
        await client.SendAsync(new byte[1], Peer.Deadline());
        int loop = (await proxy.NextAsync()).Loop;
        _world.Maps.Sessions.Delete(Abi.Key(Client(v6), Backend(v6), Packet.Udp));
        await client.SendAsync(Packet.Pattern(5000), Peer.Deadline());
        (_, byte[] got, _, IPAddress to, int loopOfFragments) = await proxy.NextAsync();
        Assert.Equal((5000, _world.X(v6), loop), (got.Length, to, loopOfFragments));
    }

    private static async Task<IPAddress> BackendOfNextAsync(Socket client, Proxy proxy)
    {
        await client.SendAsync(new byte[1], Peer.Deadline());
        return (await proxy.NextAsync()).To;
    }

    private void NextGeneration(bool v6, uint generation, IPAddress[] backends, IPAddress? without)
    {
        _world.Fill(generation);
        foreach (IPAddress backend in backends)
        {
            if (!backend.Equals(without)) _world.SetAddress(generation, backend, new CvAddress { Flags = (uint)CvAddressFlag.Meshed, AuthClass = 31 });
        }
        _world.SetService(generation, v6, ServicePort, 9, default, backends);
        _world.Maps.Offer(generation);
    }
}
