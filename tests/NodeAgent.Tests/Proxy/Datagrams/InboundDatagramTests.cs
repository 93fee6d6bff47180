using System.Net;
using System.Net.Sockets;
using Culvert.Core;
using Culvert.Interop.Sockets;
using Culvert.NodeAgent.Proxy.Model;
using Culvert.NodeAgent.Proxy.Tunnel;

namespace Culvert.NodeAgent.Tests.Proxy.Datagrams;

/// <summary>CONNECT-UDP through a real proxy to a pod's UDP socket.</summary>
public sealed class InboundDatagramTests
{
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task DatagramsOfEverySizePassBothWays(bool ipv6)
    {
        await using ProxyPair pair = new(ipv6: ipv6);
        await using DatagramClient client = new(pair);
        using Socket pod = BindPod(pair);
        (TunnelDatagramStream stream, RecordingSink sink) = await client.OpenAsync(Address(pod));
        foreach (int size in (int[])[0, 1, 2, 60, 61, 1200, 1472, 8972, 16_370, 16_384, 32_768, 65_000, 65_507])
        {
            byte[] payload = Pattern(size);
            Assert.True(await client.SendAsync(stream, payload));
            (byte[] got, EndPoint from) = await ReceiveAsync(pod);
            Assert.Equal(payload, got);
            await pod.SendToAsync(payload, SocketFlags.None, from);
            (byte[] back, ushort port) = await sink.ReceiveAsync();
            Assert.Equal(payload, back);
            Assert.Equal(0, port);
        }

        await client.CloseAsync(stream);
        await SocketExtensions.EventuallyAsync(() => pair.Destination.Closed.Count == 1);
        (ProxyConnectionInfo info, ProxyConnectionEnd end) = pair.Destination.Closed.Single();
        Assert.Equal((ProxyFailure.None, TransportProtocol.Udp), (end.Failure, info.Protocol));
        Assert.Equal(end.BytesSent, end.BytesReceived);
        Assert.Empty(pair.Destination.Dropped);
        Assert.Empty(pair.Source.Dropped);
        Assert.False(sink.IsClosed);
    }

    [Fact]
    public async Task ManySessionsShareTunnels()
    {
        await using ProxyPair pair = new();
        await using DatagramClient client = new(pair);
        using Socket pod = BindPod(pair);
        using CancellationTokenSource stop = new();
        Task echo = EchoAsync(pod, stop.Token);
        (TunnelDatagramStream Stream, RecordingSink Sink)[] sessions = await Task.WhenAll(Enumerable.Range(0, 2000).Select(_ => client.OpenAsync(Address(pod))));
        Assert.InRange(await client.TunnelCountAsync(), 2, 3);
        for (int round = 0; round < 2; round++)
        {
            for (int i = 0; i < sessions.Length; i++) Assert.True(await client.SendAsync(sessions[i].Stream, [(byte)i, (byte)(i >> 8), (byte)round]));
            for (int i = 0; i < sessions.Length; i++) Assert.Equal([(byte)i, (byte)(i >> 8), (byte)round], (await sessions[i].Sink.ReceiveAsync()).Payload);
        }

        foreach ((TunnelDatagramStream stream, _) in sessions) await client.CloseAsync(stream);
        await SocketExtensions.EventuallyAsync(() => pair.Destination.Closed.Count == 2000);
        await stop.CancelAsync();
        await echo;
        await SocketExtensions.EventuallyAsync(async () => (await pair.DestinationProxy.GetStatsAsync())[0].Connections == 0);
    }

    [Fact]
    public async Task TheDestinationKnowsTheClientAndBothIdentities()
    {
        await using ProxyPair pair = new();
        await using DatagramClient client = new(pair);
        using Socket pod = BindPod(pair);
        SocketEndPoint source = new(IPAddress.Parse("10.1.2.3"), 5353);
        await client.TryOpenAsync(Address(pod), new RecordingSink(), source);
        ProxyConnectionInfo info = Assert.Single(pair.Destination.Opened);
        Assert.Equal((source, Address(pod)), (info.Source, info.Target));
        Assert.Equal((ProxyPair.Alice, ProxyPair.Bob), (info.SourceIdentity!.ToString(), info.DestinationIdentity!.ToString()));
        pair.Destination.ClientAddressIsTrusted = false;
        await client.TryOpenAsync(Address(pod), new RecordingSink(), source);
        Assert.Equal(IPAddress.Loopback, pair.Destination.Opened.Last().Source.ToIPAddress());
    }

    [Fact]
    public async Task ADeniedSessionIsAnsweredWith401()
    {
        await using ProxyPair pair = new();
        await using DatagramClient client = new(pair);
        using Socket pod = BindPod(pair);
        pair.Destination.Allowed = false;
        await RefusedAsync(client, pair, Address(pod), ProxyFailure.PolicyDenied, ProxyFailure.PolicyDenied);
        Assert.Equal(TransportProtocol.Udp, pair.Destination.Failed.Single().Info.Protocol);
    }

    [Fact]
    public async Task OnlyTheWorkloadsOwnAddressMayBeAskedFor()
    {
        await using ProxyPair pair = new();
        await using DatagramClient client = new(pair);
        await RefusedAsync(client, pair, new SocketEndPoint(IPAddress.Parse("127.99.0.1"), 53), ProxyFailure.BadRequest, ProxyFailure.BadRequest);
    }

    [Fact]
    public async Task TheProxysOwnPortsMayNotBeAskedFor()
    {
        await using ProxyPair pair = new();
        await using DatagramClient client = new(pair);
        await RefusedAsync(client, pair, new SocketEndPoint(pair.DestinationAddress, 15001), ProxyFailure.ConnectFailed, ProxyFailure.NoRoute);
    }

    [Fact]
    public async Task TooManySessionsAreRefusedByName()
    {
        await using ProxyPair pair = new(o => o with { MaxConnections = 1 });
        await using DatagramClient client = new(pair);
        using Socket pod = BindPod(pair);
        (TunnelDatagramStream stream, _) = await client.OpenAsync(Address(pod));
        await RefusedAsync(client, pair, Address(pod), ProxyFailure.ConnectFailed, ProxyFailure.Overload);
        await client.CloseAsync(stream);
        await SocketExtensions.EventuallyAsync(async () => (await client.TryOpenAsync(Address(pod), new RecordingSink())).Stream is not null);
    }

    [Fact]
    public async Task APolicyChangeClosesWhatIsNoLongerAllowed()
    {
        await using ProxyPair pair = new();
        await using DatagramClient client = new(pair);
        using Socket pod = BindPod(pair);
        (TunnelDatagramStream stream, RecordingSink sink) = await client.OpenAsync(Address(pod));
        pair.DestinationProxy.Revalidate();
        Assert.True(await client.SendAsync(stream, [1]));
        await ReceiveAsync(pod);
        Assert.False(sink.IsClosed);
        pair.Destination.Allowed = false;
        pair.DestinationProxy.Revalidate();
        Assert.Equal(ProxyFailure.StreamReset, await sink.Closed);
        Assert.Equal(ProxyFailure.PolicyChanged, pair.Destination.Closed.Single().End.Failure);
        Assert.False(await client.SendAsync(stream, [1]));
        Assert.Equal(1, pair.Source.Dropped[DatagramDrop.TunnelFull]);
    }

    [Fact]
    public async Task ASessionThatLiesStillIsEnded()
    {
        await using ProxyPair pair = new(o => o with { DatagramStreamIdleTimeout = TimeSpan.FromMilliseconds(200) });
        await using DatagramClient client = new(pair);
        using Socket pod = BindPod(pair);
        (_, RecordingSink sink) = await client.OpenAsync(Address(pod));
        Assert.Equal(ProxyFailure.None, await sink.Closed);
        Assert.Equal(ProxyFailure.None, pair.Destination.Closed.Single().End.Failure);
    }

    [Fact]
    public async Task ATunnelWithoutSessionsIsReleased()
    {
        await using ProxyPair pair = new();
        await using DatagramClient client = new(pair, configure: o => o with { TunnelIdleTimeout = TimeSpan.FromSeconds(1) });
        using Socket pod = BindPod(pair);
        (TunnelDatagramStream stream, _) = await client.OpenAsync(Address(pod));
        await client.CloseAsync(stream);
        await SocketExtensions.EventuallyAsync(async () => await client.TunnelCountAsync() == 0);
    }

    [Fact]
    public async Task DrainDoesNotWaitForSessions()
    {
        await using ProxyPair pair = new();
        await using DatagramClient client = new(pair);
        using Socket pod = BindPod(pair);
        (TunnelDatagramStream stream, RecordingSink sink) = await client.OpenAsync(Address(pod));
        Assert.True(await client.SendAsync(stream, [1]));
        await ReceiveAsync(pod);
        Assert.True(await pair.DestinationProxy.DrainAsync(TimeSpan.FromMinutes(1)).WaitAsync(TimeSpan.FromSeconds(20)));
        await pair.DestinationProxy.DisposeAsync();
        Assert.NotEqual(ProxyFailure.None, await sink.Closed);
        Assert.Equal(ProxyFailure.Draining, pair.Destination.Closed.Single().End.Failure);
    }

    [Fact]
    public async Task AClosedPortIsToldAndTheSessionStays()
    {
        await using ProxyPair pair = new();
        await using DatagramClient client = new(pair);
        Socket pod = BindPod(pair);
        IPEndPoint address = (IPEndPoint)pod.LocalEndPoint!;
        (TunnelDatagramStream stream, RecordingSink sink) = await client.OpenAsync(Address(pod));
        pod.Dispose();
        Assert.True(await client.SendAsync(stream, [1]));
        await sink.Unreachable;
        using Socket again = new(address.AddressFamily, SocketType.Dgram, ProtocolType.Udp);
        again.Bind(address);
        Assert.True(await client.SendAsync(stream, [2]));
        await ReceiveAsync(again);
        Assert.False(sink.IsClosed);
    }

    [Fact]
    public async Task ABrokenTunnelIsToldToItsSessions()
    {
        await using ProxyPair pair = new();
        await using DatagramClient client = new(pair);
        using Socket pod = BindPod(pair);
        (_, RecordingSink first) = await client.OpenAsync(Address(pod));
        (_, RecordingSink second) = await client.OpenAsync(Address(pod));
        await pair.DestinationProxy.DisposeAsync();
        Assert.NotEqual(ProxyFailure.None, await first.Closed);
        Assert.NotEqual(ProxyFailure.None, await second.Closed);
    }

    internal static SocketEndPoint Address(Socket socket) =>
        new(((IPEndPoint)socket.LocalEndPoint!).Address, ((IPEndPoint)socket.LocalEndPoint!).Port);

    internal static byte[] Pattern(int size)
    {
        byte[] bytes = new byte[size];
        new Random(size).NextBytes(bytes);
        return bytes;
    }

    internal static Socket BindPod(ProxyPair pair)
    {
        Socket pod = new(pair.DestinationAddress.AddressFamily, SocketType.Dgram, ProtocolType.Udp) { ReceiveBufferSize = 4 << 20 };
        pod.Bind(new IPEndPoint(pair.DestinationAddress, 0));
        return pod;
    }

    private static async Task<(byte[] Payload, EndPoint From)> ReceiveAsync(Socket pod)
    {
        byte[] buffer = new byte[65_536];
        SocketReceiveFromResult result = await pod.ReceiveFromAsync(buffer, SocketFlags.None, new IPEndPoint(pod.AddressFamily == AddressFamily.InterNetwork ? IPAddress.Any : IPAddress.IPv6Any, 0))
            .WaitAsync(TimeSpan.FromSeconds(20));
        return (buffer[..result.ReceivedBytes], result.RemoteEndPoint);
    }

    private static async Task EchoAsync(Socket pod, CancellationToken stop)
    {
        byte[] buffer = new byte[65_536];
        try
        {
            while (true)
            {
                SocketReceiveFromResult got = await pod.ReceiveFromAsync(buffer, SocketFlags.None, new IPEndPoint(IPAddress.Any, 0), stop);
                await pod.SendToAsync(buffer.AsMemory(0, got.ReceivedBytes), SocketFlags.None, got.RemoteEndPoint, stop);
            }
        }
        catch (OperationCanceledException)
        {
            // The test is over.
        }
    }

    private static async Task RefusedAsync(DatagramClient client, ProxyPair pair, SocketEndPoint target, ProxyFailure expected, ProxyFailure atDestination)
    {
        RecordingSink sink = new();
        OpenedStream<TunnelDatagramStream> opened = await client.TryOpenAsync(target, sink);
        Assert.Null(opened.Stream);
        Assert.Equal(expected, opened.Failure);
        Assert.False(sink.IsClosed);
        await SocketExtensions.EventuallyAsync(() => !pair.Destination.Failed.IsEmpty);
        Assert.Equal(atDestination, pair.Destination.Failed.Last().Failure);
    }
}
