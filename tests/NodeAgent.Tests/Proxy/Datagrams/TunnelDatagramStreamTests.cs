using System.Net;
using Culvert.Interop.Sockets;
using Culvert.NodeAgent.Proxy.Model;
using Culvert.NodeAgent.Proxy.Tunnel;

namespace Culvert.NodeAgent.Tests.Proxy.Datagrams;

/// <summary>The two ends of a CONNECT-UDP stream over a real tunnel.</summary>
public sealed class TunnelDatagramStreamTests
{
    private static readonly SocketEndPoint Target = new(IPAddress.Parse("127.0.0.9"), 53);

    [Fact]
    public async Task AnswersFromOtherPortsCarryTheirPort()
    {
        await using ProxyPair pair = new();
        await using DatagramServer server = new(pair);
        await using DatagramClient client = new(pair, server.Local);
        (_, RecordingSink sink) = await client.OpenAsync(Target);
        await server.Loop.InvokeAsync(() => server.Streams[0].Send([1, 2], 0) && server.Streams[0].Send([3], 777) && server.Streams[0].Send([], 65_535));
        Assert.Equal([1, 2], (await sink.ReceiveAsync()).Payload);
        (byte[] payload, ushort port) = await sink.ReceiveAsync();
        Assert.Equal((777, 3), (port, Assert.Single(payload)));
        (payload, port) = await sink.ReceiveAsync();
        Assert.Equal((65_535, 0), (port, payload.Length));
    }

    [Fact]
    public async Task WithoutAgreementAnswersFromOtherPortsAreDropped()
    {
        await using ProxyPair pair = new();
        await using DatagramServer server = new(pair) { AgreesOnSourcePorts = false };
        await using DatagramClient client = new(pair, server.Local);
        await client.OpenAsync(Target);
        Assert.False(await server.Loop.InvokeAsync(() => server.Streams[0].Send([3], 777)));
        Assert.Equal(1, pair.Destination.Dropped[DatagramDrop.OtherSourcePort]);
    }

    [Fact]
    public async Task APeerWithoutExtendedConnectIsAClearFailure()
    {
        await using ProxyPair pair = new();
        await using DatagramServer server = new(pair, o => o with { Http2 = o.Http2 with { EnableConnectProtocol = false } });
        await using DatagramClient client = new(pair, server.Local);
        for (int i = 0; i < 3; i++)
        {
            OpenedStream<TunnelDatagramStream> opened = await client.TryOpenAsync(Target, new RecordingSink());
            Assert.Equal(ProxyFailure.UdpUnsupported, opened.Failure);
            Assert.Contains("extended CONNECT", opened.Detail, StringComparison.Ordinal);
        }

        Assert.Equal(1, await client.TunnelCountAsync());
        Assert.Equal(ProxyPair.Bob, Assert.Single(pair.Source.WithoutUdp).ToString());
    }

    [Fact]
    public async Task ABlockedTunnelDropsAndCountsAndGoesOnAfterwards()
    {
        await using ProxyPair pair = new();
        await using DatagramServer server = new(pair) { MakeSink = () => new EchoSink { Answers = false } };
        await using DatagramClient client = new(pair, server.Local);
        (TunnelDatagramStream stream, RecordingSink sink) = await client.OpenAsync(Target);
        using ManualResetEventSlim hold = new();
        server.Loop.Post(() => hold.Wait(TimeSpan.FromSeconds(20)));
        byte[] payload = new byte[60_000];
        long before = GC.GetTotalMemory(forceFullCollection: true);
        int sent = 0;
        for (int turn = 0; turn < 2000 && Dropped(pair) == 0; turn++)
        {
            sent += await client.Loop.InvokeAsync(() => Enumerable.Range(0, 10).Count(_ => stream.Send(payload)));
        }

        // Buffers on the way are full: the oldest go for each that comes, and a few wait.
        int before1000 = Dropped(pair);
        await client.Loop.InvokeAsync(() => Enumerable.Range(0, 1000).Count(_ => stream.Send(payload)));
        Assert.InRange(Dropped(pair) - before1000, 990, 1010);
        Assert.InRange(GC.GetTotalMemory(forceFullCollection: true) - before, long.MinValue, 20 << 20);
        hold.Set();
        await SocketExtensions.EventuallyAsync(async () => await client.SendAsync(stream, [1]));
        Assert.False(sink.IsClosed);
        Assert.True(sent > 1);
        Assert.True(Dropped(pair) > 1000);
    }

    [Fact]
    public async Task ABurstWithinATurnIsNotDropped()
    {
        await using ProxyPair pair = new();
        await using DatagramServer server = new(pair);
        await using DatagramClient client = new(pair, server.Local);
        (TunnelDatagramStream stream, RecordingSink sink) = await client.OpenAsync(Target);
        server.MakeSink = () => new EchoSink();
        byte[] payload = new byte[1400];
        Assert.Equal(700, await client.Loop.InvokeAsync(() => Enumerable.Range(0, 700).Count(_ => stream.Send(payload))));
        Assert.False(sink.IsClosed);
    }

    [Fact]
    public async Task DatagramsAllocateNothing()
    {
        await using ProxyPair pair = new();
        EchoSink echo = new();
        await using DatagramServer server = new(pair) { MakeSink = () => echo };
        await using DatagramClient client = new(pair, server.Local);
        EchoSink back = new() { Answers = false };
        TunnelDatagramStream stream = await client.OpenWithAsync(Target, back);
        byte[] payload = new byte[900];
        long best = long.MaxValue;
        for (int attempt = 0; attempt < 8 && best > 0; attempt++)
        {
            long clientBefore = await client.Loop.InvokeAsync(GC.GetAllocatedBytesForCurrentThread);
            long serverBefore = await server.Loop.InvokeAsync(GC.GetAllocatedBytesForCurrentThread);
            long count = back.Count;

            // One closure for many turns: what the test itself allocates on the loop must not count.
            await client.Loop.InvokeAsync(() =>
            {
                for (int i = 0; i < 150; i++) stream.Send(payload);
                return true;
            });
            await SocketExtensions.EventuallyAsync(() => back.Count == count + 150);
            long used = await client.Loop.InvokeAsync(GC.GetAllocatedBytesForCurrentThread) - clientBefore
                + (await server.Loop.InvokeAsync(GC.GetAllocatedBytesForCurrentThread)) - serverBefore;
            best = Math.Min(best, used);
        }

        // Each of the six calls into the loops costs something; 300 datagrams would cost far more than that.
        Assert.InRange(best, 0, 2000);
    }

    [Fact]
    public async Task TheSinkHearsOfAnIdleTunnelOncePerTurn()
    {
        await using ProxyPair pair = new();
        RecordingSink received = new();
        await using DatagramServer server = new(pair) { MakeSink = () => received };
        await using DatagramClient client = new(pair, server.Local);
        (TunnelDatagramStream stream, _) = await client.OpenAsync(Target);
        await client.Loop.InvokeAsync(() => Enumerable.Range(0, 50).Count(i => stream.Send([(byte)i])));
        for (int i = 0; i < 50; i++) Assert.Equal([(byte)i], (await received.ReceiveAsync()).Payload);
        await SocketExtensions.EventuallyAsync(() => received.Idles > 0);
        Assert.Equal(1, await server.Loop.InvokeAsync(() => received.Idles));
        await client.CloseAsync(stream);
        Assert.Equal(ProxyFailure.None, await received.Closed);
    }

    private static int Dropped(ProxyPair pair) => pair.Source.Dropped.Values.Sum();
}
