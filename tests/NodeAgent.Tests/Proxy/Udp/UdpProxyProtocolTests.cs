using System.Net;
using System.Net.Sockets;
using System.Text;
using Culvert.Core;
using Culvert.Interop.Sockets;
using Culvert.NodeAgent.Proxy.Model;
using Culvert.NodeAgent.Proxy.Tunnel;
using Culvert.NodeAgent.Tests.Proxy.Datagrams;

namespace Culvert.NodeAgent.Tests.Proxy.Udp;

/// <summary>PROXY headers to applications and from load balancers, a datagram each.</summary>
public sealed class UdpProxyProtocolTests
{
    private static readonly IPEndPoint Service = new(IPAddress.Parse("10.96.0.10"), 53);
    private static readonly IPEndPoint Client = new(IPAddress.Parse("192.0.2.7"), 1234);
    private static readonly IPEndPoint Front = new(IPAddress.Parse("198.51.100.1"), 53);
    private static readonly EquatableArray<TransportPort> Every = [new(0, TransportProtocol.Udp)];
    private readonly byte[] _buffer = new byte[65536];

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task EveryDatagramToAnApplicationThatAsksHasTheHeaderInFront(bool bare)
    {
        await using UdpProxy proxy = new();
        using Socket app = UdpProxy.Bind("127.0.0.1"), client = UdpProxy.Bind("127.0.0.1");
        WorkloadInfo asks = UdpProxy.Bob with { ProxyProtocolPorts = Every, BareProxyProtocolPorts = bare ? Every : [] };
        proxy.RouteTo(app.LocalEndPoint!, destination: asks, service: new() { Name = new("b", "dns") });
        foreach (int size in new[] { 0, 1, 1400, 60_000 })
        {
            byte[] payload = new byte[size];
            new Random(size).NextBytes(payload);
            client.SendTo(UdpProxy.Captured(client.LocalEndPoint!, Service, payload), proxy.Entry);
            EndPoint from = new IPEndPoint(IPAddress.Any, 0);
            int received = app.ReceiveFrom(_buffer, ref from);
            CheckHeader(_buffer.AsSpan(0, received), client.LocalEndPoint!, bare, payload);

            // Answers have none.
            app.SendTo(payload, from);
            Assert.Equal(payload, _buffer[..client.Receive(_buffer)]);
        }

        // 65,507 bytes are a datagram, with a header no more; such a one fits only without.
        client.SendTo(UdpProxy.Captured(client.LocalEndPoint!, Service, new byte[65_507 - 28 - 20]), proxy.Entry);
        if (bare) Assert.Equal(65_507 - 20, app.Receive(_buffer));
        else await SocketExtensions.EventuallyAsync(() => proxy.Mesh.Dropped.GetValueOrDefault(DatagramDrop.NoRoomForHeader) == 1);
    }

    [Fact]
    public async Task ALoadBalancersHeadersAreTakenOffAndItsClientCounts()
    {
        await using UdpProxy proxy = new();
        using Socket app = UdpProxy.Bind("127.0.0.1"), balancer = UdpProxy.Bind("127.0.0.1");
        proxy.RouteTo(app.LocalEndPoint!, destination: Trusting("127.0.0.0/8"));
        foreach (byte n in new byte[] { 1, 2, 3 })
        {
            balancer.SendTo(FromBalancer(balancer, Client, [n]), proxy.Entry);
            EndPoint from = new IPEndPoint(IPAddress.Any, 0);
            Assert.Equal((1, n), (app.ReceiveFrom(_buffer, ref from), _buffer[0]));
            app.SendTo([n], from);
            Assert.Equal(1, balancer.Receive(_buffer));
        }

        ProxyConnectionInfo info = Assert.Single(proxy.Mesh.Opened);
        Assert.Equal(("192.0.2.7:1234", "198.51.100.1:53", null), (info.Source.ToString(), info.Destination.ToString(), info.SourceIdentity));
    }

    [Fact]
    public async Task OneSocketOfALoadBalancerSpeaksForManyClients()
    {
        await using UdpProxy proxy = new(configure: o => o with { UdpIdleTimeout = TimeSpan.FromSeconds(2) });
        using Socket app = UdpProxy.Bind("127.0.0.1"), balancer = UdpProxy.Bind("127.0.0.1");
        proxy.RouteTo(app.LocalEndPoint!, destination: Trusting("127.0.0.0/8"));
        Dictionary<byte, EndPoint> seen = [];
        for (int round = 0; round < 3; round++)
        {
            for (byte n = 0; n < 100; n++)
            {
                balancer.SendTo(FromBalancer(balancer, new IPEndPoint(IPAddress.Parse($"192.0.2.{n + 1}"), 1000 + n), [n]), proxy.Entry);
                EndPoint from = new IPEndPoint(IPAddress.Any, 0);
                Assert.Equal((1, n), (app.ReceiveFrom(_buffer, ref from), _buffer[0]));
                if (!seen.TryAdd(n, from)) Assert.Equal(seen[n], from);
                app.SendTo([n], from);
                Assert.Equal((1, n), (balancer.Receive(_buffer), _buffer[0]));
            }
        }

        Assert.Equal((100, 100), (seen.Values.Distinct().Count(), proxy.Mesh.Opened.Select(o => o.Source).Distinct().Count()));
        await SocketExtensions.EventuallyAsync(() => proxy.Mesh.Closed.Count == 100);
        Assert.All(proxy.Mesh.Closed, c => Assert.Equal((3, 3), (c.End.BytesSent, c.End.BytesReceived)));
    }

    [Fact]
    public async Task BadHeadersCostTheirOwnDatagramOnly()
    {
        await using UdpProxy proxy = new();
        using Socket app = UdpProxy.Bind("127.0.0.1"), balancer = UdpProxy.Bind("127.0.0.1");
        proxy.RouteTo(app.LocalEndPoint!, destination: Trusting("127.0.0.0/8"));
        byte[] good = Header(Client, Front, TransportProtocol.Udp), checksum = Header(Client, Front, TransportProtocol.Udp, checksum: true);
        checksum[^1] ^= 1;
        (byte[] Datagram, ProxyProtocolError Error)[] bad =
        [
            ([], ProxyProtocolError.Incomplete),
            ([.. "hello"u8], ProxyProtocolError.Signature),
            ([.. "PROXY TCP4 192.0.2.7 198.51.100.1 1234 53\r\n"u8], ProxyProtocolError.Signature),
            (good[..20], ProxyProtocolError.Incomplete),
            (Header(Client, Front, TransportProtocol.Tcp), ProxyProtocolError.Family),
            (checksum, ProxyProtocolError.Crc),
            (Header(new IPEndPoint(IPAddress.Loopback, 1), Front, TransportProtocol.Udp), ProxyProtocolError.NoAddress),
        ];
        foreach (bool opened in new[] { false, true })
        {
            foreach ((byte[] datagram, ProxyProtocolError error) in bad)
            {
                long before = proxy.HeaderErrors(error);
                balancer.SendTo(UdpProxy.Captured(balancer.LocalEndPoint!, Service, datagram, external: true), proxy.Entry);
                await SocketExtensions.EventuallyAsync(() => proxy.HeaderErrors(error) == before + 1);
            }

            balancer.SendTo(FromBalancer(balancer, Client, [7]), proxy.Entry);
            Assert.Equal((1, 7), (app.Receive(_buffer), _buffer[0]));
        }

        Assert.Single(proxy.Mesh.Opened);
    }

    [Fact]
    public async Task HeadersOfStrangersAreRefusedAndPolicyIsAskedAboutTheClient()
    {
        await using UdpProxy proxy = new();
        using Socket app = UdpProxy.Bind("127.0.0.1"), stranger = UdpProxy.Bind("127.0.0.1"), balancer = UdpProxy.Bind("127.0.0.2");
        proxy.RouteTo(app.LocalEndPoint!, destination: Trusting("127.0.0.2/32"));
        proxy.Mesh.Allowed = false;
        stranger.SendTo(FromBalancer(stranger, Client, [1]), proxy.Entry);
        balancer.SendTo(FromBalancer(balancer, Client, [1]), proxy.Entry);
        await SocketExtensions.EventuallyAsync(() => proxy.Mesh.Failed.Count == 2);
        Assert.Contains(proxy.Mesh.Failed, f => f.Failure == ProxyFailure.ProxyProtocol && f.Info.HeaderError == ProxyProtocolError.Untrusted);
        Assert.Contains(proxy.Mesh.Failed, f => f.Failure == ProxyFailure.PolicyDenied && f.Info.Source.ToString() == "192.0.2.7:1234");
        Assert.Equal(0, app.Available);
    }

    [Fact]
    public async Task OutOfATunnelTheFirstGoodHeaderTellsTheClientAndPolicyIsAskedThen()
    {
        await using ProxyPair pair = new();
        await using DatagramClient tunnel = new(pair);
        using Socket app = InboundDatagramTests.BindPod(pair);
        pair.Destination.Local = pair.Destination.Local! with { TrustedProxies = [new(Every, [IpPrefix.Parse("127.0.0.0/8")])], ProxyProtocolPorts = Every };
        SocketEndPoint target = UdpProxy.Point((IPEndPoint)app.LocalEndPoint!);
        (TunnelDatagramStream stream, RecordingSink sink) = await tunnel.OpenAsync(target);
        Assert.Empty(pair.Destination.Opened);
        await tunnel.SendAsync(stream, [.. "hello"u8]);
        await SocketExtensions.EventuallyAsync(() => pair.Destination.HeaderErrors.GetValueOrDefault(ProxyProtocolError.Signature) == 1);
        Assert.Empty(pair.Destination.Opened);
        await tunnel.SendAsync(stream, [.. Header(Client, Front, TransportProtocol.Udp), 7]);
        EndPoint from = new IPEndPoint(IPAddress.Any, 0);
        int received = app.ReceiveFrom(_buffer, ref from);
        Assert.Equal(ProxyProtocolError.None, ProxyHeaderReader.ReadVersion2(_buffer.AsSpan(0, received), out ProxyHeader header));
        Assert.Equal(("192.0.2.7:1234", received - 1), (new SocketEndPoint(header.Source.High, header.Source.Low, header.Source.Port).ToString(), header.Length));
        app.SendTo([8], from);
        Assert.Equal([8], (await sink.ReceiveAsync()).Payload);
        ProxyConnectionInfo info = Assert.Single(pair.Destination.Opened);
        Assert.Equal(("192.0.2.7:1234", ProxyPair.Alice), (info.Source.ToString(), info.SourceIdentity!.ToString()));

        WorkloadInfo trusting = pair.Destination.Local!;
        pair.Destination.Local = trusting with { TrustedProxies = [] };
        await tunnel.SendAsync(stream, [.. Header(new IPEndPoint(Client.Address, 4321), Front, TransportProtocol.Udp), 9]);
        await SocketExtensions.EventuallyAsync(() => pair.Destination.HeaderErrors.GetValueOrDefault(ProxyProtocolError.Untrusted) == 1);
        pair.Destination.Local = trusting;

        pair.Destination.Allowed = false;
        (TunnelDatagramStream refused, _) = await tunnel.OpenAsync(target);
        await tunnel.SendAsync(refused, [.. Header(Client, Front, TransportProtocol.Udp), 9]);
        await SocketExtensions.EventuallyAsync(() => !pair.Destination.Failed.IsEmpty);
        Assert.Equal(ProxyFailure.PolicyDenied, Assert.Single(pair.Destination.Failed).Failure);
        Assert.Equal(0, app.Available);
    }

    [Fact]
    public async Task ALoadBalancerThatIsTrustedNoMoreGetsNothingThroughAndLeavesNothingOpen()
    {
        await using ProxyPair pair = new();
        await using DatagramClient tunnel = new(pair);
        using Socket app = InboundDatagramTests.BindPod(pair);
        pair.Destination.Local = pair.Destination.Local! with { TrustedProxies = [new(Every, [IpPrefix.Parse("127.0.0.0/8")])] };
        (TunnelDatagramStream stream, _) = await tunnel.OpenAsync(UdpProxy.Point((IPEndPoint)app.LocalEndPoint!));
        byte[] datagram = [.. Header(Client, Front, TransportProtocol.Udp), 7];
        await tunnel.SendAsync(stream, datagram);
        Assert.Equal(1, app.Receive(_buffer));

        pair.Destination.Local = pair.Destination.Local with { TrustedProxies = [] };
        pair.DestinationProxy.Revalidate();
        await SocketExtensions.EventuallyAsync(() => !pair.Destination.Closed.IsEmpty);
        for (int n = 1; n <= 3; n++)
        {
            await tunnel.SendAsync(stream, datagram);
            await SocketExtensions.EventuallyAsync(() => pair.Destination.HeaderErrors.GetValueOrDefault(ProxyProtocolError.Untrusted) == n);
        }

        Assert.Equal(0, (await pair.DestinationProxy.GetStatsAsync())[0].Connections);
        Assert.Single(pair.Destination.Opened);
        Assert.Equal(ProxyFailure.PolicyChanged, Assert.Single(pair.Destination.Closed).End.Failure);
        Assert.Equal(0, app.Available);
    }

    [Fact]
    public async Task DatagramsThatComeOutOfATunnelTogetherGetTheirHeadersEach()
    {
        await using ProxyPair pair = new();
        await using DatagramClient tunnel = new(pair);
        using Socket app = InboundDatagramTests.BindPod(pair);
        pair.Destination.Local = pair.Destination.Local! with { ProxyProtocolPorts = Every };
        (TunnelDatagramStream stream, _) = await tunnel.OpenAsync(UdpProxy.Point((IPEndPoint)app.LocalEndPoint!));
        byte[][] sent = [.. Enumerable.Range(0, 50).Select(n => Enumerable.Repeat((byte)n, 10 + n).ToArray())];
        await tunnel.Loop.InvokeAsync(() => sent.All(payload => stream.Send(payload)));
        foreach (byte[] payload in sent)
        {
            int received = app.Receive(_buffer);
            Assert.Equal(ProxyProtocolError.None, ProxyHeaderReader.ReadVersion2(_buffer.AsSpan(0, received), out ProxyHeader header));
            Assert.Equal(payload, _buffer[header.Length..received]);
        }
    }

    [Fact]
    public async Task AStrangersTunnelIsRefused()
    {
        await using ProxyPair pair = new();
        await using DatagramClient tunnel = new(pair);
        using Socket app = InboundDatagramTests.BindPod(pair);
        pair.Destination.Local = pair.Destination.Local! with { TrustedProxies = [new(Every, [IpPrefix.Parse("203.0.113.0/24")])] };
        OpenedStream<TunnelDatagramStream> opened = await tunnel.TryOpenAsync(UdpProxy.Point((IPEndPoint)app.LocalEndPoint!), new RecordingSink());
        Assert.Null(opened.Stream);
        (ProxyConnectionInfo info, ProxyFailure failure) = Assert.Single(pair.Destination.Failed);
        Assert.Equal((ProxyFailure.ProxyProtocol, ProxyProtocolError.Untrusted), (failure, info.HeaderError));
    }

    private static WorkloadInfo Trusting(string from) => UdpProxy.Bob with { TrustedProxies = [new(Every, [IpPrefix.Parse(from)])] };

    private static byte[] FromBalancer(Socket balancer, IPEndPoint client, byte[] payload) =>
        UdpProxy.Captured(balancer.LocalEndPoint!, Service, [.. Header(client, Front, TransportProtocol.Udp), .. payload], external: true);

    private static byte[] Header(IPEndPoint source, IPEndPoint destination, TransportProtocol transport, bool checksum = false)
    {
        byte[] buffer = new byte[128];
        SocketEndPoint from = UdpProxy.Point(source), to = UdpProxy.Point(destination);
        ProxyHeaderWriter writer = new(buffer, transport, new ProxyEndPoint(from.High, from.Low, from.Port), new ProxyEndPoint(to.High, to.Low, to.Port));
        return buffer[..writer.Finish(checksum)];
    }

    private static void CheckHeader(ReadOnlySpan<byte> datagram, EndPoint client, bool bare, byte[] payload)
    {
        Assert.Equal(ProxyProtocolError.None, ProxyHeaderReader.ReadVersion2(datagram, out ProxyHeader header));
        Assert.Equal(TransportProtocol.Udp, header.Transport);
        Assert.Equal(client.ToString(), new SocketEndPoint(header.Source.High, header.Source.Low, header.Source.Port).ToString());
        Assert.Equal(Service.ToString(), new SocketEndPoint(header.Destination.High, header.Destination.Low, header.Destination.Port).ToString());
        Assert.Equal(bare, header.Tlvs.IsEmpty);
        if (!bare)
        {
            Assert.True(header.TryGetTlv(ProxyTlvType.SpiffeId, out ReadOnlySpan<byte> identity));
            Assert.Equal(ProxyPair.Bob, Encoding.ASCII.GetString(identity));
            Assert.True(header.TryGetTlv(ProxyTlvType.Authority, out ReadOnlySpan<byte> authority));
            Assert.Equal("dns.b.svc", Encoding.ASCII.GetString(authority));
        }

        Assert.Equal(payload, datagram[header.Length..].ToArray());
    }
}
