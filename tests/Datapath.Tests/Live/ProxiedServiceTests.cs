using System.Net;
using System.Net.Sockets;
using Culvert.Datapath.Tests.Support;
using Culvert.Interop.Abi;

namespace Culvert.Datapath.Tests.Live;

/// <summary>Connections to a Service that go by the proxy and are addressed to the backend before the node's own rules see them. The test plays the proxy; X is the backend.</summary>
public sealed class ProxiedServiceTests : IClassFixture<LiveWorld>
{
    private const int ServicePort = 90, OtherPort = 91;

    private readonly LiveWorld _world;

    public ProxiedServiceTests(LiveWorld world)
    {
        _world = world;
        _world.Reset();
        _world.PutXBehind(ServicePort, OtherPort);
    }

    private static IPEndPoint Service(bool v6, int port = ServicePort) => new(World.Vip(v6), port);

    private IPEndPoint Backend(bool v6) => new(_world.X(v6), WorldContent.BackendPort);

    /// <summary>The listeners of a proxy, of both kinds, offered to the programs.</summary>
    private sealed class Listeners : IDisposable
    {
        internal Listeners(LiveWorld world, bool v6)
        {
            Plain = Peer.ListenAsProxy(world, v6);
            Translated = Peer.ListenAsProxy(world, v6, CvOwnKind.Backend);
            uint family = v6 ? 1u : 0;
            world.Maps.Listeners.SetDescriptor(((uint)CvListenerKind.Out4 + family) * CvAbi.MaxListeners, Plain.SafeHandle);
            world.Maps.Listeners.SetDescriptor(((uint)CvListenerKind.Backend4 + family) * CvAbi.MaxListeners, Translated.SafeHandle);
            world.Maps.Offer(LiveWorld.Generation);
        }

        internal Socket Plain { get; }

        internal Socket Translated { get; }

        public void Dispose()
        {
            Plain.Dispose();
            Translated.Dispose();
        }
    }

    private async Task<Socket> ConnectFrom(int port, IPEndPoint to)
    {
        Socket socket = Peer.Open(_world.PodA, Peer.IsV6(to), SocketType.Stream);
        socket.SetSocketOption(SocketOptionLevel.Socket, SocketOptionName.ReuseAddress, true);
        socket.Bind(_world.A.At(Peer.IsV6(to), port));
        await socket.ConnectAsync(to, Peer.Deadline());
        return socket;
    }

    private async Task<(Socket Client, Socket Proxy)> ConnectAsync(Listeners listeners, bool v6)
    {
        Socket client = await Peer.Connect(_world.PodA, Service(v6));
        return (client, await listeners.Translated.AcceptAsync(Peer.Deadline()));
    }

    private static async Task<SocketError> ErrorOf(Socket socket)
    {
        SocketException e = await Assert.ThrowsAsync<SocketException>(async () => await socket.ReceiveAsync(new byte[1], Peer.Deadline()));
        return e.SocketErrorCode;
    }

    [Theory, InlineData(false), InlineData(true)]
    public async Task It_reaches_the_proxy_with_the_backends_address_and_the_pod_sees_the_Services(bool v6)
    {
        using Listeners listeners = new(_world, v6);
        (Socket client, Socket proxy) = await ConnectAsync(listeners, v6);
        Assert.Equal((Backend(v6), client.LocalEndPoint), (proxy.LocalEndPoint, proxy.RemoteEndPoint));
        Assert.Equal(Service(v6), client.RemoteEndPoint);
        CvFlow answers = _world.Maps.Flow(Abi.Key(Backend(v6), (IPEndPoint)client.LocalEndPoint!, Packet.Tcp)) ?? throw new InvalidOperationException("there is no entry");
        Assert.Equal((Abi.Address(World.Vip(v6)), Abi.Network(ServicePort), (byte)CvVerdict.Proxy), (answers.NatAddr, answers.NatPort, answers.Verdict));
        await Peer.ExchangeAsync(client, proxy, 16 << 20);
        client.Shutdown(SocketShutdown.Send);
        Assert.Equal(0, await proxy.ReceiveAsync(new byte[1], Peer.Deadline()));
        await Peer.SendAsync(proxy, 1000);
        await Peer.ReceiveAsync(client, 1000);
        proxy.Dispose();
        Assert.Equal(0, await client.ReceiveAsync(new byte[1], Peer.Deadline()));
        client.Dispose();
        Assert.Empty(_world.Maps.Flows.ToList());
        Assert.Empty(_world.Events()); // the proxy tells of it
    }

    [Theory, InlineData(false), InlineData(true)]
    public async Task What_the_node_has_tracked_of_it_is_a_connection_to_the_backend(bool v6)
    {
        using Listeners listeners = new(_world, v6);
        string family = v6 ? "ip6" : "ip";
        await using NodeTable table = await NodeTable.AddAsync(_world.Node, "inet seen", $"""
            nft add chain inet seen in '{"{ type filter hook input priority 0; }"}'
            nft add chain inet seen out '{"{ type filter hook output priority 0; }"}'
            nft add rule inet seen in {family} daddr {_world.X(v6)} tcp dport {WorldContent.BackendPort} ct state established counter
            nft add rule inet seen in {family} daddr {World.Vip(v6)} counter drop
            nft add rule inet seen out {family} saddr {World.Vip(v6)} counter drop
            """);
        (Socket client, Socket proxy) = await ConnectAsync(listeners, v6);
        using (client)
        using (proxy) await Peer.ExchangeAsync(client, proxy, 5000);
        string rules = await table.ListAsync();
        Assert.DoesNotContain("established counter packets 0", rules, StringComparison.Ordinal);
        Assert.Equal(2, rules.Split("counter packets 0 bytes 0 drop").Length - 1);
    }

    // Linux sends no ICMP for IPv4 here: its source, the address that the rule refuses, is none of the node's (ip_route_output_key_hash_rcu).
    [Theory, InlineData(false, "reject with tcp reset"), InlineData(true, "reject with tcp reset"), InlineData(true, "reject with icmpv6 type port-unreachable")]
    public async Task A_refusal_of_the_nodes_rules_about_the_backend_reaches_the_pod(bool v6, string refusal)
    {
        using Listeners listeners = new(_world, v6);
        await using NodeTable table = await NodeTable.AddAsync(_world.Node, "inet deny", $"""
            nft add chain inet deny in '{"{ type filter hook input priority 0; }"}'
            nft add rule inet deny in {(v6 ? "ip6" : "ip")} daddr {_world.X(v6)} tcp dport {WorldContent.BackendPort} {refusal}
            """);
        Assert.Equal(SocketError.ConnectionRefused, await Peer.Refusal(_world.PodA, Service(v6)));
    }

    [Theory, InlineData(false), InlineData(true)]
    public async Task Rules_that_would_lead_the_Service_elsewhere_have_nothing_to_do(bool v6)
    {
        using Listeners listeners = new(_world, v6);
        using Socket trap = Peer.Listen(_world.PodB, _world.B.At(v6, 8080));
        string family = v6 ? "ip6" : "ip";
        await using NodeTable table = await NodeTable.AddAsync(_world.Node, $"{family} lead", $"""
            nft add chain {family} lead pre '{"{ type nat hook prerouting priority dstnat; }"}'
            nft add rule {family} lead pre {family} daddr {World.Vip(v6)} tcp dport {ServicePort} counter dnat to {(v6 ? $"[{_world.B.Address6}]" : _world.B.Address4)}:8080
            """);
        (Socket client, Socket proxy) = await ConnectAsync(listeners, v6);
        using (client)
        using (proxy) await Peer.ExchangeAsync(client, proxy, 5000);
        Assert.Contains("counter packets 0", await table.ListAsync(), StringComparison.Ordinal);
    }

    [Theory, InlineData(false), InlineData(true)]
    public async Task A_reset_of_either_side_reaches_the_other_and_ends_it(bool v6)
    {
        using Listeners listeners = new(_world, v6);
        foreach (bool byClient in (bool[])[false, true])
        {
            (Socket client, Socket proxy) = await ConnectAsync(listeners, v6);
            (Socket one, Socket other) = byClient ? (client, proxy) : (proxy, client);
            one.LingerState = new LingerOption(true, 0);
            one.Dispose();
            Assert.Equal(SocketError.ConnectionReset, await ErrorOf(other));
            other.Dispose();
            Assert.Empty(_world.Maps.Flows.ToList());
        }
    }

    [Theory, InlineData(false), InlineData(true)]
    public async Task The_ports_of_one_that_the_proxy_has_closed_can_be_used_again_at_once(bool v6)
    {
        using Listeners listeners = new(_world, v6);
        for (int i = 0; i < 3; i++)
        {
            using Socket client = await ConnectFrom(40_000, Service(v6));
            using Socket proxy = await listeners.Translated.AcceptAsync(Peer.Deadline());
            await Peer.ExchangeAsync(client, proxy, 1000);
            proxy.Shutdown(SocketShutdown.Send); // the node has the socket that waits
            Assert.Equal(0, await client.ReceiveAsync(new byte[1], Peer.Deadline()));
            client.Shutdown(SocketShutdown.Send);
            Assert.Equal(0, await proxy.ReceiveAsync(new byte[1], Peer.Deadline()));
        }
    }

    [Theory, InlineData(false), InlineData(true)]
    public async Task It_begins_with_a_cookie_too(bool v6)
    {
        await _world.Node.ScriptAsync("sysctl -qw net.ipv4.tcp_syncookies=2");
        try
        {
            using Listeners listeners = new(_world, v6);
            for (int i = 0; i < 5; i++)
            {
                (Socket client, Socket proxy) = await ConnectAsync(listeners, v6);
                using (client)
                using (proxy)
                {
                    Assert.Equal(Backend(v6), proxy.LocalEndPoint);
                    await Peer.ExchangeAsync(client, proxy, 5000);
                }
            }
        }
        finally
        {
            await _world.Node.ScriptAsync("sysctl -qw net.ipv4.tcp_syncookies=1");
        }
    }

    [Theory, InlineData(false), InlineData(true)]
    public async Task Beside_another_connection_with_the_same_ports_to_the_backend_it_keeps_the_Services_address(bool v6)
    {
        using Listeners listeners = new(_world, v6);
        using Socket direct = await ConnectFrom(40_001, Backend(v6));
        using Socket directProxy = await listeners.Plain.AcceptAsync(Peer.Deadline());
        using Socket client = await ConnectFrom(40_001, Service(v6));
        using Socket proxy = await listeners.Plain.AcceptAsync(Peer.Deadline());
        Assert.Equal((Backend(v6), Service(v6)), (directProxy.LocalEndPoint, proxy.LocalEndPoint));
        await Peer.ExchangeAsync(direct, directProxy, 5000);
        await Peer.ExchangeAsync(client, proxy, 5000);

        using Socket first = await ConnectFrom(40_002, Service(v6));
        using Socket firstProxy = await listeners.Translated.AcceptAsync(Peer.Deadline());
        using Socket second = await ConnectFrom(40_002, Service(v6, OtherPort));
        using Socket secondProxy = await listeners.Plain.AcceptAsync(Peer.Deadline());
        Assert.Equal((Backend(v6), Service(v6, OtherPort)), (firstProxy.LocalEndPoint, secondProxy.LocalEndPoint));
        await Peer.ExchangeAsync(first, firstProxy, 5000);
        await Peer.ExchangeAsync(second, secondProxy, 5000);
    }

    [Theory, InlineData(false), InlineData(true)]
    public async Task What_the_kernel_answers_for_a_listener_does_not_make_other_connections_translated(bool v6)
    {
        using Listeners listeners = new(_world, v6);
        // The reset that answers a packet of no connection is the listener's; an entry of the map of own sockets must not be changed by that.
        using (Socket gone = await ConnectFrom(40_003, Backend(v6)))
        {
            using Socket accepted = await listeners.Plain.AcceptAsync(Peer.Deadline());
            accepted.LingerState = new LingerOption(true, 0);
            await using (await NodeTable.AddAsync(_world.Node, "inet hush", "nft add chain inet hush out '{ type filter hook output priority 0; }'; nft add rule inet hush out 'tcp flags & rst == rst drop'"))
                accepted.Dispose();
            await gone.SendAsync(new byte[1], Peer.Deadline());
            Assert.Equal(SocketError.ConnectionReset, await ErrorOf(gone));
        }
        for (int i = 0; i < 2; i++)
        {
            (Socket client, Socket proxy) = await ConnectAsync(listeners, v6);
            using (client)
            using (proxy) await Peer.ExchangeAsync(client, proxy, 5000);
            using Socket direct = await Peer.Connect(_world.PodA, Backend(v6));
            using Socket directProxy = await listeners.Plain.AcceptAsync(Peer.Deadline());
            await Peer.ExchangeAsync(direct, directProxy, 5000);
        }
    }

    [Theory, InlineData(false), InlineData(true)]
    public async Task A_direct_connection_with_the_ports_of_one_waits_until_that_is_over(bool v6)
    {
        using Listeners listeners = new(_world, v6);
        Socket first = await ConnectFrom(40_004, Service(v6));
        Socket firstProxy = await listeners.Translated.AcceptAsync(Peer.Deadline());
        ulong refused = _world.Maps.Drops()[(int)CvReason.TupleTaken];
        Task<Socket> connecting = ConnectFrom(40_004, Backend(v6));
        while (_world.Maps.Drops()[(int)CvReason.TupleTaken] == refused) await Task.WhenAny(connecting, Task.Delay(10, Peer.Deadline()));
        await Peer.ExchangeAsync(first, firstProxy, 5000);
        firstProxy.LingerState = new LingerOption(true, 0);
        firstProxy.Dispose();
        Assert.Equal(SocketError.ConnectionReset, await ErrorOf(first));
        using Socket direct = await connecting;
        using Socket directProxy = await listeners.Plain.AcceptAsync(Peer.Deadline());
        Assert.Equal(Backend(v6), directProxy.LocalEndPoint);
        await Peer.ExchangeAsync(direct, directProxy, 5000);
        first.Dispose();
    }

    [Theory, InlineData(false), InlineData(true)]
    public async Task What_the_nodes_rules_drop_does_not_come_by_another_Service_from_the_same_port(bool v6)
    {
        using Listeners listeners = new(_world, v6);
        string family = v6 ? "ip6" : "ip";
        await using NodeTable table = await NodeTable.AddAsync(_world.Node, "inet deny", $"""
            nft add chain inet deny in '{"{ type filter hook input priority 0; }"}'
            nft add rule inet deny in {family} daddr {_world.X(v6)} counter drop
            nft add rule inet deny in {family} daddr {World.Vip(v6)} counter accept
            """);
        foreach (int port in (int[])[ServicePort, OtherPort])
        {
            using Socket socket = Peer.Open(_world.PodA, v6, SocketType.Stream);
            socket.Bind(_world.A.At(v6, 40_005));
            await Assert.ThrowsAnyAsync<OperationCanceledException>(async () => await socket.ConnectAsync(Service(v6, port), Peer.Deadline(1)));
        }
        string rules = await table.ListAsync();
        Assert.Contains("counter packets 0 bytes 0 accept", rules, StringComparison.Ordinal);
        Assert.DoesNotContain("counter packets 0 bytes 0 drop", rules, StringComparison.Ordinal);
    }

    [Theory, InlineData(false), InlineData(true)]
    public async Task Where_there_is_a_choice_ports_that_are_taken_lead_to_another_backend_and_not_past_the_nodes_rules(bool v6)
    {
        // Each try of a SYN draws anew: with so many others, one of the few within the deadline is another's.
        IPAddress[] others = [.. Enumerable.Range(1, 7).Select(i => IPAddress.Parse(v6 ? $"fd00:9::{i}" : $"10.9.0.{i}"))];
        foreach (IPAddress other in others) _world.SetAddress(LiveWorld.Generation, other, new CvAddress { Flags = (uint)CvAddressFlag.Meshed, AuthClass = 30 });
        _world.SetService(LiveWorld.Generation, v6, ServicePort, 9, default, [_world.X(v6), .. others]);
        using Listeners listeners = new(_world, v6);
        using Socket direct = await ConnectFrom(40_006, Backend(v6));
        using Socket directProxy = await listeners.Plain.AcceptAsync(Peer.Deadline());
        for (int i = 0; i < 3; i++)
        {
            using Socket client = await ConnectFrom(40_006, Service(v6));
            using Socket proxy = await listeners.Translated.AcceptAsync(Peer.Deadline());
            Assert.Contains(((IPEndPoint)proxy.LocalEndPoint!).Address, others);
            await Peer.ExchangeAsync(client, proxy, 1000);

            // The next one is of the same ports, which this one has until its reset is out.
            client.LingerState = new LingerOption(true, 0);
            client.Dispose();
            Assert.Equal(SocketError.ConnectionReset, await ErrorOf(proxy));
        }
    }

    [Theory, InlineData(false), InlineData(true)]
    public async Task A_socket_of_the_proxy_that_a_reset_did_not_reach_ends_with_what_it_says_next(bool v6)
    {
        using Listeners listeners = new(_world, v6);
        (Socket client, Socket proxy) = await ConnectAsync(listeners, v6);
        using (proxy)
        {
            await Peer.ExchangeAsync(client, proxy, 1000);
            await using (await NodeTable.AddAsync(_world.Node, "inet hush", "nft add chain inet hush in '{ type filter hook input priority 0; }'; nft add rule inet hush in 'tcp flags & rst == rst drop'"))
            {
                client.LingerState = new LingerOption(true, 0);
                client.Dispose();
                Assert.Empty(_world.Maps.Flows.ToList());
            }
            await proxy.SendAsync(new byte[1], Peer.Deadline());
            Assert.Equal(SocketError.ConnectionReset, await ErrorOf(proxy));
        }
    }

    [Theory, InlineData(false), InlineData(true)]
    public async Task Without_a_proxy_nothing_is_left_of_what_could_not_begin(bool v6)
    {
        new Listeners(_world, v6).Dispose();
        ulong refused = _world.Maps.Drops()[(int)CvReason.ProxyDown];
        using Socket socket = Peer.Open(_world.PodA, v6, SocketType.Stream);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () => await socket.ConnectAsync(Service(v6), Peer.Deadline(1)));
        Assert.True(_world.Maps.Drops()[(int)CvReason.ProxyDown] > refused);
        Assert.Empty(_world.Maps.Flows.ToList());
        Assert.Equal(0, _world.Maps.Usages.ToList().Sum(u => (long)(u.Value.Made - u.Value.Gone)));
    }

    [Theory, InlineData(false), InlineData(true)]
    public async Task A_pod_that_has_all_its_flows_begins_none(bool v6)
    {
        using Listeners listeners = new(_world, v6);
        _world.SetMaxFlows(LiveWorld.Generation, _world.A, 1);
        (Socket client, Socket proxy) = await ConnectAsync(listeners, v6);
        using (client)
        using (proxy)
        {
            ulong refused = _world.Maps.Drops()[(int)CvReason.FlowQuota];
            using Socket next = Peer.Open(_world.PodA, v6, SocketType.Stream);
            await Assert.ThrowsAnyAsync<OperationCanceledException>(async () => await next.ConnectAsync(Service(v6), Peer.Deadline(1)));
            Assert.True(_world.Maps.Drops()[(int)CvReason.FlowQuota] > refused);
            await Peer.ExchangeAsync(client, proxy, 5000);
        }
    }
}
