using System.Net;
using System.Net.Sockets;
using Culvert.Core;
using Culvert.NodeAgent.Proxy.Model;
using Culvert.Tests.Shared;

namespace Culvert.NodeAgent.Tests.Proxy;

/// <summary>A pod that does not read what it asks for: it pays itself, and nobody else.</summary>
[Trait("Category", "Attack")]
public sealed class SlowReaderAttackTests
{
    private const string Carol = "spiffe://cluster.local/ns/c/sa/carol";
    private const long Pool = 16 << 20;
    private const int Hoarded = 60;

    [Fact]
    public async Task APodThatReadsNothingDoesNotResetOthersAndGivesTheMemoryBack()
    {
        await using ProxyPair pair = new(o => o with { MaxBufferedBytes = Pool });
        IPAddress carolsAddress = IPAddress.Parse("127.88.0.3");
        WorkloadInfo carol = ProxyPair.Workload("carol", "c", Carol, carolsAddress);
        TestLeaf leaf = pair.Authority.Issue(Carol);
        pair.Source.Identities[carol.Identity] = new TlsIdentity(carol.Identity, pair.Authority.Context(false, leaf), pair.Authority.Context(true, leaf));
        pair.Source.Neighbour = carol;
        using Socket listener = pair.ListenByTunnel();
        using CancellationTokenSource stop = new();
        Task serving = ServeAsync(listener, stop.Token);

        // Sixty streams of 1 MiB, which nobody reads, are four times the pool.
        List<Socket> hoarder = [];
        for (int i = 0; i < Hoarded; i++) hoarder.Add(await ConnectAsync(pair, carolsAddress));
        await SocketExtensions.EventuallyAsync(async () => (await pair.SourceProxy.GetStatsAsync()).Sum(s => s.BufferedBytes) >= Pool / 4);
        await SocketExtensions.StalledAtAsync(() => pair.SourceProxy.GetStatsAsync().Result.Sum(s => s.BufferedBytes) + pair.Source.Closed.Count);
        Assert.InRange((await pair.SourceProxy.GetStatsAsync()).Sum(s => s.BufferedBytes), Pool / 4, (Pool / 2) + BufferSlack);

        // The innocent one reads what it asks for, slowly enough for bytes to wait here.
        for (int i = 0; i < 20; i++)
        {
            using Socket client = await ConnectAsync(pair, pair.SourceAddress);
            Assert.Equal(4 << 20, (await client.ReceiveExactlyAsync(4 << 20)).Length);
        }

        int others = pair.Source.Opened.Count(c => c.SourceWorkload!.Uid != carol.Uid);
        int failed = pair.Source.Closed.Count(c => c.End.Failure is not (ProxyFailure.None or ProxyFailure.ApplicationReset) && c.Info.SourceWorkload!.Uid != carol.Uid);
        ExhaustLine.Write("buffers for what is not read", $"{Hoarded} MiB asked for, {Pool >> 20} MiB in all", others, failed);
        Assert.Equal((20, 0), (others, failed));
        hoarder.ForEach(s => s.Dispose());
        await SocketExtensions.EventuallyAsync(async () => (await pair.SourceProxy.GetStatsAsync()).Sum(s => s.BufferedBytes) == 0);
        Assert.InRange((await pair.SourceProxy.GetStatsAsync()).Sum(s => s.IdleBufferBytes), 0, 4 << 20);
        await stop.CancelAsync();
        await serving;
    }

    private const long BufferSlack = 16 * 1024;

    // An application that sends without end.
    private static async Task ServeAsync(Socket listener, CancellationToken stop)
    {
        byte[] block = new byte[4 << 20];
        List<Task> connections = [];
        try
        {
            while (true)
            {
                Socket socket = await listener.AcceptAsync(stop);
                connections.Add(Task.Run(async () =>
                {
                    using (socket)
                    {
                        await SocketExtensions.UnlessResetAsync(async () =>
                        {
                            while (!stop.IsCancellationRequested) await socket.SendAllAsync(block);
                        });
                    }
                }, CancellationToken.None));
            }
        }
        catch (OperationCanceledException)
        {
            await Task.WhenAll(connections);
        }
    }

    private static async Task<Socket> ConnectAsync(ProxyPair pair, IPAddress from)
    {
        Socket socket = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { ReceiveBufferSize = 64 << 10 };
        socket.Bind(new IPEndPoint(from, 0));
        await socket.ConnectAsync(pair.Entry);
        return socket;
    }
}
