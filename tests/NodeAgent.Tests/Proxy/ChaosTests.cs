using System.Net.Sockets;
using Culvert.NodeAgent.Proxy;
using Culvert.NodeAgent.Proxy.Model;

namespace Culvert.NodeAgent.Tests.Proxy;

/// <summary>Connections that end in every way at once, under rotation and policy changes: nothing may throw, hang or stay.</summary>
public sealed class ChaosTests
{
    private const int Connections = 3000;

    // Certificates and policy change after so many connections.
    private const int ConnectionsPerRound = 20;

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public async Task NothingIsLeftBehind(int seed)
    {
        await using ProxyPair pair = new(o => o with { StreamsPerTunnel = 20, MaxBufferedBytes = 8 << 20 });
        using Socket listener = pair.ListenByTunnel();
        using CancellationTokenSource stop = new();
        Task serving = ServeAsync(listener, seed, stop.Token);
        using SemaphoreSlim due = new(0);
        int left = Connections;
        Task[] clients = [.. Enumerable.Range(0, 24).Select(i => Task.Run(async () =>
        {
            Random random = new((seed * 1000) + i);
            for (int n; (n = Interlocked.Decrement(ref left)) >= 0;)
            {
                await OneAsync(() => pair.ConnectClientAsync(), random);
                if (n % ConnectionsPerRound == 0) due.Release();
            }
        }))];
        Task all = Task.WhenAll(clients);
        for (int round = 0; await Task.WhenAny(all, due.WaitAsync()) != all; round++)
        {
            if (round % 3 == 0) pair.RenewSource();
            if (round % 3 == 1) pair.RenewDestination();
            pair.SourceProxy.CertificatesChanged();
            pair.DestinationProxy.CertificatesChanged();
            pair.Destination.Allowed = round % 5 != 4;
            pair.DestinationProxy.Revalidate();
        }

        await all.WaitAsync(TimeSpan.FromSeconds(60));
        await stop.CancelAsync();
        await serving.WaitAsync(TimeSpan.FromSeconds(60));
        listener.Dispose(); // nobody else will accept those who still wait for it
        await SocketExtensions.EventuallyAsync(async () =>
        {
            ProxyLoopStats[] stats = [.. await pair.SourceProxy.GetStatsAsync(), .. await pair.DestinationProxy.GetStatsAsync()];
            return stats.All(s => s.Connections == 0 && s.BufferedBytes == 0);
        });
        Assert.Equal(pair.Source.Opened.Count, pair.Source.Closed.Count);
        Assert.Equal(pair.Destination.Opened.Count, pair.Destination.Closed.Count);
        Assert.Contains(pair.Source.Closed, c => c.End.Failure == ProxyFailure.None);
        Assert.Contains(pair.Source.Closed, c => c.End.Failure == ProxyFailure.ApplicationReset);
        Assert.Contains(pair.Source.Closed, c => c.End.Failure == ProxyFailure.StreamReset);
    }

    private static async Task ServeAsync(Socket listener, int seed, CancellationToken stop)
    {
        List<Task> connections = [];
        Random random = new(seed);
        try
        {
            while (true)
            {
                Socket socket = await listener.AcceptAsync(stop);
                Random own = new(random.Next());
                connections.Add(OneAsync(() => Task.FromResult(socket), own));
            }
        }
        catch (OperationCanceledException)
        {
            await Task.WhenAll(connections);
        }
    }

    private static async Task OneAsync(Func<Task<Socket>> connect, Random random)
    {
        try
        {
            using Socket socket = await connect();
            using CancellationTokenSource limit = new(random.Next(5, 200));
            byte[] block = new byte[random.Next(1, 100_000)];
            try
            {
                for (int steps = random.Next(0, 12); steps > 0; steps--)
                {
                    switch (random.Next(8))
                    {
                        case 0:
                            socket.Shutdown(SocketShutdown.Send);
                            await socket.ReceiveAsync(block.AsMemory(), limit.Token);
                            break;
                        case 1:
                            socket.LingerState = new LingerOption(true, 0);
                            return;
                        case 2:
                            await Task.Delay(random.Next(1, 10), limit.Token); // to do nothing for a while is what it does
                            break;
                        case < 6:
                            await socket.SendAsync(block.AsMemory(0, random.Next(1, block.Length + 1)), limit.Token);
                            break;
                        default:
                            if (await socket.ReceiveAsync(block.AsMemory(), limit.Token) == 0) return;
                            break;
                    }
                }
            }
            catch (OperationCanceledException)
            {
                // The other side waits too: somebody has to go first.
            }
        }
        catch (SocketException)
        {
            // Resets are what this test is about.
        }
    }
}
