using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using Culvert.Core;
using Culvert.Interop.Sockets;
using Culvert.NodeAgent.Proxy.Model;
using Culvert.NodeAgent.Tests.Proxy.Udp;

namespace Culvert.NodeAgent.Tests.Proxy.Datagrams;

/// <summary>From a captured datagram through both proxies to the pod and back, over real TLS.</summary>
public sealed class TunnelledSessionTests
{
    private static readonly IPEndPoint Service = new(IPAddress.Parse("10.96.0.10"), 53);

    [Fact]
    public async Task DatagramsOfEverySizeGoThereAndBack()
    {
        await using ProxyPair pair = Pair();
        using Socket pod = InboundDatagramTests.BindPod(pair), client = UdpProxy.Bind("127.0.0.1");
        RouteTo(pair, pod);
        byte[] buffer = new byte[65_536];
        foreach (int size in (int[])[0, 1, 512, 1232, 1472, 8972, 32_768, 65_000])
        {
            byte[] payload = InboundDatagramTests.Pattern(size);
            Send(pair, client, payload);
            EndPoint from = new IPEndPoint(IPAddress.Any, 0);
            pod.ReceiveTimeout = 10_000;
            int received = pod.ReceiveFrom(buffer, ref from);
            Assert.Equal(payload, buffer[..received]);
            pod.SendTo(payload, from);
            Assert.Equal(payload, buffer[..client.Receive(buffer)]);
        }

        Assert.Empty(pair.Source.Dropped);
        Assert.Empty(pair.Destination.Dropped);
        ProxyConnectionInfo at = Assert.Single(pair.Destination.Opened);
        Assert.Equal((TransportProtocol.Udp, ProxyPair.Alice), (at.Protocol, at.SourceIdentity!.ToString()));
        Assert.Equal(client.LocalEndPoint, ProxyPair.ToIp(at.Source));
    }

    [Fact]
    public async Task NothingIsLostOrReorderedAtABoundedRate()
    {
        const int Total = 100_000, InFlight = 500;
        await using ProxyPair pair = Pair();
        using Socket pod = InboundDatagramTests.BindPod(pair), client = UdpProxy.Bind("127.0.0.1");
        RouteTo(pair, pod);
        byte[] datagram = UdpProxy.Captured(client.LocalEndPoint!, Service, new byte[200]), buffer = new byte[2048];
        pod.ReceiveTimeout = 10_000;
        for (int got = 0, sent = 0; got < Total; got++)
        {
            // Until the way is made only a few wait for it.
            for (int limit = got == 0 ? 1 : InFlight; sent < Total && sent - got < limit; sent++)
            {
                BinaryPrimitives.WriteInt32BigEndian(datagram.AsSpan(datagram.Length - 200), sent);
                client.SendTo(datagram, Entry(pair));
            }

            Assert.Equal(200, pod.Receive(buffer));
            Assert.Equal(got, BinaryPrimitives.ReadInt32BigEndian(buffer));
        }

        Assert.Empty(pair.Source.Dropped);
        Assert.Empty(pair.Destination.Dropped);
    }

    [Fact]
    public async Task ASessionWhoseTunnelBreaksIsMadeAnewByTheNextDatagram()
    {
        await using ProxyPair pair = Pair();
        using Socket pod = InboundDatagramTests.BindPod(pair), client = UdpProxy.Bind("127.0.0.1");
        RouteTo(pair, pod);
        byte[] buffer = new byte[2048];
        pod.ReceiveTimeout = 10_000;
        Send(pair, client, [1]);
        Assert.Equal(1, pod.Receive(buffer));
        pair.Destination.Allowed = false;
        pair.DestinationProxy.Revalidate();
        await SocketExtensions.EventuallyAsync(() => pair.Source.Closed.Count == 1);
        Assert.Equal((ProxyFailure.StreamReset, ProxyFailure.PolicyChanged), (pair.Source.Closed.Single().End.Failure, pair.Destination.Closed.Single().End.Failure));
        pair.Destination.Allowed = true;
        Send(pair, client, [2]);
        Assert.Equal(1, pod.Receive(buffer));
        Assert.Equal(2, buffer[0]);
    }

    [Fact]
    public async Task ASessionWhoseClientsAddressGoesToAnotherWhileItsTunnelOpensEndsAndLeavesNothingOpen()
    {
        await using ProxyPair pair = Pair();
        using Socket pod = InboundDatagramTests.BindPod(pair), client = UdpProxy.Bind("127.0.0.1");
        RouteTo(pair, pod);
        Func<SocketEndPoint, OutboundRoute> route = pair.Source.Route;
        pair.Source.Route = destination =>
        {
            pair.Source.Local = ProxyPair.Workload("carol", "a", ProxyPair.Alice, pair.SourceAddress);
            return route(destination);
        };

        Send(pair, client, [1]);

        await SocketExtensions.EventuallyAsync(() => pair.Source.Closed.Count == 1);
        Assert.Equal(ProxyFailure.PolicyChanged, pair.Source.Closed.Single().End.Failure);
        await SocketExtensions.EventuallyAsync(() => pair.Destination.Closed.Count == 1);
        Assert.Equal(0, (await pair.SourceProxy.GetStatsAsync())[0].Connections);
        Assert.Equal(0, pod.Available);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task ASessionThatAChangeEndsWhileItsTunnelOpensIsReportedWithTheChange(bool isPolicys)
    {
        await using ProxyPair pair = Pair();
        using Socket silent = pair.Listen(), client = UdpProxy.Bind("127.0.0.1");
        SocketEndPoint target = new(pair.DestinationAddress, 53), tunnel = new(pair.DestinationAddress, ((IPEndPoint)silent.LocalEndPoint!).Port);
        pair.Source.Route = _ => OutboundRoute.Tunnel(tunnel, target, pair.Destination.Local!);
        Send(pair, client, [1]);
        using Socket opening = await silent.AcceptAsync();

        if (isPolicys) pair.Source.MayLeave = _ => false;
        else pair.Source.Route = _ => OutboundRoute.Tunnel(tunnel, target with { Port = 54 }, pair.Destination.Local!);
        pair.SourceProxy.Revalidate();
        await pair.SourceProxy.GetStatsAsync(); // its loop knows of the change: only now does the tunnel fail
        opening.Close(0);

        await SocketExtensions.EventuallyAsync(() => !pair.Source.Failed.IsEmpty);
        Assert.Equal(isPolicys ? ProxyFailure.PolicyChanged : ProxyFailure.RouteChanged, Assert.Single(pair.Source.Failed).Failure);
        Assert.Empty(pair.Source.Opened);
    }

    [Fact]
    public async Task AFaultWhileASessionOpensEndsThatSessionOnly()
    {
        await using ProxyPair pair = Pair();
        using Socket pod = InboundDatagramTests.BindPod(pair), client = UdpProxy.Bind("127.0.0.1"), other = UdpProxy.Bind("127.0.0.1");
        RouteTo(pair, pod);
        byte[] buffer = new byte[2048];
        pod.ReceiveTimeout = 10_000;
        Send(pair, other, [1]);
        Assert.Equal(1, pod.Receive(buffer));

        Func<SocketEndPoint, OutboundRoute> route = pair.Source.Route;
        pair.Source.Route = _ => throw new InvalidOperationException("a fault in this test");
        Send(pair, client, [2]);
        await SocketExtensions.EventuallyAsync(() => pair.Source.Faults.TryDequeue(out _));
        pair.Source.Route = route;
        pair.Destination.Asked = () => throw new InvalidOperationException("a fault in this test");
        Send(pair, client, [3]);
        await SocketExtensions.EventuallyAsync(() => pair.Destination.Faults.TryDequeue(out _));
        pair.Destination.Asked = null;

        Send(pair, other, [4]);
        Assert.Equal(1, pod.Receive(buffer));
        Assert.Equal(4, buffer[0]);
        Assert.Empty(pair.Source.Closed);
        Assert.Empty(pair.Destination.Closed);
    }

    [Fact]
    public async Task ADeniedSessionIsRefusedOnBothSidesAndOtherSessionsGoOn()
    {
        await using ProxyPair pair = Pair();
        using Socket pod = InboundDatagramTests.BindPod(pair), client = UdpProxy.Bind("127.0.0.1"), other = UdpProxy.Bind("127.0.0.1");
        RouteTo(pair, pod);
        byte[] buffer = new byte[2048];
        pod.ReceiveTimeout = 10_000;
        Send(pair, other, [1]);
        Assert.Equal(1, pod.Receive(buffer));
        pair.Destination.Allowed = false;
        Send(pair, client, [2]);
        await SocketExtensions.EventuallyAsync(() => !pair.Source.Failed.IsEmpty);
        Assert.Equal((ProxyFailure.PolicyDenied, ProxyFailure.PolicyDenied), (pair.Source.Failed.Single().Failure, pair.Destination.Failed.Single().Failure));
        Send(pair, other, [3]);
        Assert.Equal(1, pod.Receive(buffer));
        Assert.Equal(3, buffer[0]);
    }

    private static ProxyPair Pair() => new(o => o.TunnelListeners.Count > 0
        ? o
        : o with { UdpListeners = [new SocketEndPoint(IPAddress.Loopback, 0)], CheckCaptured = false });

    private static IPEndPoint Entry(ProxyPair pair) => ProxyPair.ToIp(pair.SourceProxy.UdpListeners[0].Local);

    private static void Send(ProxyPair pair, Socket client, byte[] payload) =>
        client.SendTo(UdpProxy.Captured(client.LocalEndPoint!, Service, payload), Entry(pair));

    private static void RouteTo(ProxyPair pair, Socket pod) => pair.RouteTo(((IPEndPoint)pod.LocalEndPoint!).Port);
}
