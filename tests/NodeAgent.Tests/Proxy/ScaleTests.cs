using System.Net;
using System.Net.Sockets;
using Culvert.NodeAgent.Proxy;

namespace Culvert.NodeAgent.Tests.Proxy;

/// <summary>Many connections, and what is left when they are gone.</summary>
[Collection(nameof(ScaleTests))]
[CollectionDefinition(nameof(ScaleTests), DisableParallelization = true)]
public sealed class ScaleTests
{
    [Fact]
    public async Task TwoThousandConnectionsAtOnce()
    {
        await using ProxyPair pair = new();
        using Socket listener = pair.ListenByTunnel();
        using CancellationTokenSource stop = new();
        Task echo = EchoServer.RunAsync(listener, stop.Token);
        List<Socket> clients = [];
        for (int i = 0; i < 2000; i++) clients.Add(await pair.ConnectClientAsync());
        await Task.WhenAll(clients.Select((client, i) => Task.Run(async () =>
        {
            byte[] message = BitConverter.GetBytes(i);
            for (int r = 0; r < 3; r++)
            {
                await client.SendAllAsync(message);
                Assert.Equal(message, await client.ReceiveExactlyAsync(4));
            }
        })));
        (int connections, int tunnels) = await pair.CountAsync();
        Assert.Equal(2000, connections);
        Assert.InRange(tunnels, 2, 40);
        clients.ForEach(c => c.Dispose());
        await stop.CancelAsync();
        await echo;
        await SocketExtensions.EventuallyAsync(() => pair.Destination.Closed.Count == 2000);
        Assert.Empty(pair.Source.Failed);
    }

    [Fact]
    public async Task TenThousandConnectionsLeaveNothingBehind()
    {
        await using ProxyPair pair = new();
        pair.Source.Record = pair.Destination.Record = false;
        using Socket listener = pair.ListenByTunnel();
        using CancellationTokenSource stop = new();
        Task echo = EchoServer.RunAsync(listener, stop.Token);
        await RunAsync(pair, 2000);
        (int descriptors, long memory, ProxyLoopStats[] stats) before = await SettleAsync(pair);
        await RunAsync(pair, 10_000);
        (int descriptors, long memory, ProxyLoopStats[] stats) after = await SettleAsync(pair);
        Assert.InRange(after.descriptors, 0, before.descriptors + 3);
        Assert.InRange(after.memory, 0, before.memory + (2 << 20));
        Assert.Equal(before.stats.Select(s => s.Descriptors), after.stats.Select(s => s.Descriptors));
        Assert.All(after.stats, s => Assert.Equal((0, 0L), (s.Connections, s.BufferedBytes)));
        await stop.CancelAsync();
        await echo;
    }

    [Fact]
    public async Task RelayingAllocatesNothing()
    {
        await using ProxyPair pair = new();
        pair.Source.Record = pair.Destination.Record = false;
        using Socket listener = pair.ListenByTunnel();

        // Sockets that were never awaited: .NET's awaitable ones allocate, and it is the proxy that is measured.
        using Socket client = new(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        client.Connect(pair.Entry);
        using Socket server = listener.Accept();
        server.NoDelay = true;
        PingPong(client, server, 2000);
        long before = GC.GetTotalAllocatedBytes(precise: true);
        PingPong(client, server, 10_000);
        long perRequest = (GC.GetTotalAllocatedBytes(precise: true) - before) / 10_000;
        Assert.InRange(perRequest, 0, 4);
    }

    private static void PingPong(Socket client, Socket server, int count)
    {
        Span<byte> buffer = stackalloc byte[100];
        for (int i = 0; i < count; i++)
        {
            client.Send(buffer);
            for (int n = 0; n < 100;) n += server.Receive(buffer[n..]);
            server.Send(buffer);
            for (int n = 0; n < 100;) n += client.Receive(buffer[n..]);
        }
    }

    private static async Task RunAsync(ProxyPair pair, int count)
    {
        int left = count;
        await Task.WhenAll(Enumerable.Range(0, 32).Select(_ => Task.Run(async () =>
        {
            byte[] message = new byte[64];
            while (Interlocked.Decrement(ref left) >= 0)
            {
                using Socket client = await pair.ConnectClientAsync();
                await client.SendAllAsync(message);
                await client.ReceiveExactlyAsync(message.Length);
            }
        })));
    }

    private static async Task<(int Descriptors, long Memory, ProxyLoopStats[] Stats)> SettleAsync(ProxyPair pair)
    {
        ProxyLoopStats[] stats = [];
        await SocketExtensions.EventuallyAsync(async () =>
        {
            stats = [.. await pair.SourceProxy.GetStatsAsync(), .. await pair.DestinationProxy.GetStatsAsync()];
            return stats.All(s => s.Connections == 0);
        });
        GC.Collect();
        GC.WaitForPendingFinalizers();
        return (Directory.GetFiles("/proc/self/fd").Length, GC.GetTotalMemory(forceFullCollection: true), stats);
    }
}
