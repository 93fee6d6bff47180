using System.Net;
using System.Net.Sockets;
using Culvert.Core;
using Culvert.NodeAgent.Proxy.Model;

namespace Culvert.NodeAgent.Tests.Proxy.Udp;

public sealed class UdpSessionTests
{
    private static readonly IPEndPoint Service = new(IPAddress.Parse("10.96.0.10"), 53);
    private readonly byte[] _buffer = new byte[65536];

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(1400)]
    [InlineData(65_000)]
    public async Task DatagramsReachTheApplicationWithoutTheHeaderAndAnswersComeBack(int size)
    {
        await using UdpProxy proxy = new();
        using Socket app = UdpProxy.Bind("127.0.0.1"), client = UdpProxy.Bind("127.0.0.1");
        proxy.RouteTo(app.LocalEndPoint!);
        byte[] payload = Pattern(size);
        for (int round = 0; round < 3; round++)
        {
            client.SendTo(UdpProxy.Captured(client.LocalEndPoint!, Service, payload, checksum: round == 1), proxy.Entry);
            EndPoint from = new IPEndPoint(IPAddress.Any, 0);
            int received = app.ReceiveFrom(_buffer, ref from);
            Assert.Equal(payload, _buffer[..received]);
            app.SendTo(payload, from);
            Assert.Equal(payload, _buffer[..client.Receive(_buffer)]);
        }

        Assert.Equal(1, Assert.Single(await proxy.Server.GetStatsAsync()).UdpSessions);
        ProxyConnectionInfo info = Assert.Single(proxy.Mesh.Opened);
        Assert.Equal((TransportProtocol.Udp, UdpProxy.Bob, UdpProxy.Bob), (info.Protocol, info.SourceWorkload, info.DestinationWorkload));
    }

    [Fact]
    public async Task OrderIsKeptAndManySessionsAreKeptApart()
    {
        const int Clients = 100, Rounds = 50;
        await using UdpProxy proxy = new();
        using Socket app = UdpProxy.Bind("127.0.0.1");
        proxy.RouteTo(app.LocalEndPoint!);
        Socket[] clients = [.. Enumerable.Range(0, Clients).Select(_ => UdpProxy.Bind("127.0.0.1"))];
        Dictionary<EndPoint, (int Client, int Round)> seen = [];
        for (int round = 0; round < Rounds; round++)
        {
            for (int i = 0; i < Clients; i++) clients[i].SendTo(UdpProxy.Captured(clients[i].LocalEndPoint!, Service, [(byte)i, (byte)round]), proxy.Entry);
            for (int i = 0; i < Clients; i++)
            {
                EndPoint from = new IPEndPoint(IPAddress.Any, 0);
                Assert.Equal(2, app.ReceiveFrom(_buffer, ref from));
                if (seen.TryGetValue(from, out (int Client, int Round) last)) Assert.Equal((last.Client, last.Round + 1), (_buffer[0], _buffer[1]));
                seen[from] = (_buffer[0], _buffer[1]);
                app.SendTo(_buffer.AsSpan(0, 2), from);
            }
        }

        Assert.Equal(Clients, seen.Count);
        for (int i = 0; i < Clients; i++)
        {
            for (int round = 0; round < Rounds; round++)
            {
                Assert.Equal(2, clients[i].Receive(_buffer));
                Assert.Equal((i, round), (_buffer[0], _buffer[1]));
            }

            clients[i].Dispose();
        }
    }

    [Fact]
    public async Task WhatPolicyForbidsIsRefusedOnceAndRecheckedOnChange()
    {
        await using UdpProxy proxy = new();
        using Socket app = UdpProxy.Bind("127.0.0.1"), client = UdpProxy.Bind("127.0.0.1");
        proxy.RouteTo(app.LocalEndPoint!);
        proxy.Mesh.Allowed = false;
        byte[] datagram = UdpProxy.Captured(client.LocalEndPoint!, Service, [1]);
        for (int i = 0; i < 10; i++) client.SendTo(datagram, proxy.Entry);
        await SocketExtensions.EventuallyAsync(() => proxy.Mesh.Dropped.GetValueOrDefault(DatagramDrop.SessionRefused) == 10);
        Assert.Equal(ProxyFailure.PolicyDenied, Assert.Single(proxy.Mesh.Failed).Failure);

        proxy.Mesh.Allowed = true;
        proxy.Server.Revalidate();
        Assert.Equal(0, (await proxy.Server.GetStatsAsync())[0].UdpSessions);
        client.SendTo(datagram, proxy.Entry);
        Assert.Equal(1, app.Receive(_buffer));

        proxy.Mesh.Allowed = false;
        proxy.Server.Revalidate();
        await SocketExtensions.EventuallyAsync(() => proxy.Mesh.Closed.Any(c => c.End.Failure == ProxyFailure.PolicyChanged));
        Assert.Equal(1, Assert.Single(proxy.Mesh.Closed).End.BytesSent);
    }

    [Fact]
    public async Task ASessionWhoseBackendIsGoneEndsAndTheNextDatagramFindsAnother()
    {
        await using UdpProxy proxy = new();
        using Socket first = UdpProxy.Bind("127.0.0.1"), second = UdpProxy.Bind("127.0.0.1"), client = UdpProxy.Bind("127.0.0.1");
        proxy.RouteTo(first.LocalEndPoint!);
        byte[] datagram = UdpProxy.Captured(client.LocalEndPoint!, Service, [1]);
        client.SendTo(datagram, proxy.Entry);
        Assert.Equal(1, first.Receive(_buffer));
        proxy.RouteTo(second.LocalEndPoint!);
        proxy.Server.Revalidate();
        await SocketExtensions.EventuallyAsync(() => proxy.Mesh.Closed.Any(c => c.End.Failure == ProxyFailure.RouteChanged));
        client.SendTo(datagram, proxy.Entry);
        Assert.Equal(1, second.Receive(_buffer));
    }

    [Fact]
    public async Task SessionsEndWhenNothingPassesAndAreBounded()
    {
        await using UdpProxy proxy = new(configure: o => o with { UdpIdleTimeout = TimeSpan.FromMilliseconds(200), MaxUdpSessions = 2, UdpRefusalTime = TimeSpan.FromMilliseconds(200) });
        using Socket app = UdpProxy.Bind("127.0.0.1");
        using Socket one = UdpProxy.Bind("127.0.0.1"), two = UdpProxy.Bind("127.0.0.1"), three = UdpProxy.Bind("127.0.0.1");
        proxy.RouteTo(app.LocalEndPoint!, OutboundRouteKind.Passthrough);
        foreach (Socket client in new[] { one, two, three }) client.SendTo(UdpProxy.Captured(client.LocalEndPoint!, Service, [1]), proxy.Entry);
        Assert.Equal((1, 1), (app.Receive(_buffer), app.Receive(_buffer)));
        await SocketExtensions.EventuallyAsync(() => proxy.Mesh.Dropped.GetValueOrDefault(DatagramDrop.SessionLimit) == 1);
        await SocketExtensions.EventuallyAsync(() => proxy.Mesh.Closed.Count == 2);
        Assert.Equal(0, (await proxy.Server.GetStatsAsync())[0].UdpSessions);
        three.SendTo(UdpProxy.Captured(three.LocalEndPoint!, Service, [1]), proxy.Entry);
        Assert.Equal(1, app.Receive(_buffer));
    }

    [Fact]
    public async Task RefusalsThatAreRememberedKeepNobodyOut()
    {
        await using UdpProxy proxy = new(configure: o => o with { MaxUdpSessions = 2, UdpRefusalTime = TimeSpan.FromMinutes(1) });
        using Socket app = UdpProxy.Bind("127.0.0.1");
        using Socket one = UdpProxy.Bind("127.0.0.1"), two = UdpProxy.Bind("127.0.0.1"), three = UdpProxy.Bind("127.0.0.1");
        foreach (Socket client in new[] { one, two, three }) client.SendTo(UdpProxy.Captured(client.LocalEndPoint!, Service, [1]), proxy.Entry);
        await SocketExtensions.EventuallyAsync(() => proxy.Mesh.Failed.Count == 3);
        Assert.Equal(2, (await proxy.Server.GetStatsAsync())[0].UdpSessions);
        using Socket fourth = UdpProxy.Bind("127.0.0.1");
        proxy.RouteTo(app.LocalEndPoint!, OutboundRouteKind.Passthrough);
        fourth.SendTo(UdpProxy.Captured(fourth.LocalEndPoint!, Service, [1]), proxy.Entry);
        Assert.Equal(1, app.Receive(_buffer));
        Assert.Equal(0, proxy.Mesh.Dropped.GetValueOrDefault(DatagramDrop.SessionLimit));
    }

    [Fact]
    public async Task BadHeadersAreRefusedAndCountedByReason()
    {
        await using UdpProxy proxy = new();
        using Socket app = UdpProxy.Bind("127.0.0.1"), client = UdpProxy.Bind("127.0.0.1");
        proxy.RouteTo(app.LocalEndPoint!);
        byte[] good = UdpProxy.Captured(client.LocalEndPoint!, Service, [1], checksum: true);
        byte[] bare = new byte[28];
        int bareLength = Bare(bare, client);
        (byte[] Datagram, ProxyProtocolError Error)[] cases =
        [
            ([1, 2, 3], ProxyProtocolError.Signature),
            ([], ProxyProtocolError.Incomplete),
            (good[..40], ProxyProtocolError.Incomplete),
            (Changed(good, 12, 0x20), ProxyProtocolError.NoAddress),
            (Changed(good, 12, 0x11), ProxyProtocolError.Version),
            (Changed(good, 13, 0x42), ProxyProtocolError.Family),
            (Changed(good, 14, 0x20), ProxyProtocolError.TooLong),
            (Changed(good, 16, 0x42), ProxyProtocolError.Crc),
            (bare[..bareLength], ProxyProtocolError.KernelData),
        ];
        foreach ((byte[] datagram, _) in cases) client.SendTo(datagram, proxy.Entry);
        client.SendTo(good, proxy.Entry);
        Assert.Equal(1, app.Receive(_buffer));
        foreach (IGrouping<ProxyProtocolError, ProxyProtocolError> error in cases.Select(c => c.Error).GroupBy(e => e)) Assert.Equal(error.Count(), proxy.HeaderErrors(error.Key));
        Assert.Equal(cases.Length, proxy.Mesh.Dropped[DatagramDrop.BadHeader]);
    }

    [Fact]
    public async Task AddressesThatContradictTheDatagramAreRefused()
    {
        await using UdpProxy proxy = new(configure: o => o with { CheckCaptured = true });
        using Socket client = UdpProxy.Bind("127.0.0.1");
        client.SendTo(UdpProxy.Captured(client.LocalEndPoint!, Service, [1]), proxy.Entry);
        client.SendTo([1], proxy.PlainEntry);
        await SocketExtensions.EventuallyAsync(() => proxy.HeaderErrors(ProxyProtocolError.Untrusted) == 2);
    }

    internal static byte[] Pattern(int size) => [.. Enumerable.Range(0, size).Select(i => (byte)(i * 31))];

    private static byte[] Changed(byte[] datagram, int at, byte value)
    {
        byte[] changed = [.. datagram];
        changed[at] = value;
        return changed;
    }

    private static int Bare(byte[] buffer, Socket client)
    {
        ProxyEndPoint point = new(0, 0xFFFF_7F00_0001, (ushort)((IPEndPoint)client.LocalEndPoint!).Port);
        return new ProxyHeaderWriter(buffer, TransportProtocol.Udp, point, point).Finish();
    }
}
