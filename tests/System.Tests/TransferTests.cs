using System.Collections.Concurrent;
using System.Net.Sockets;
using Culvert.Labs.Mesh;
using Culvert.SystemTests.Fixtures;
using Culvert.SystemTests.Peers;

namespace Culvert.SystemTests;

[Collection(MeshCollection.Name)]
public class TransferTests(MeshFixture mesh)
{
    private const long GiB = 1L << 30;

    [Theory]
    [InlineData(TestPath.Direct, TestFamily.IPv4, GiB)]
    [InlineData(TestPath.Tunnel, TestFamily.IPv4, GiB)]
    [InlineData(TestPath.Direct, TestFamily.IPv6, GiB / 8)]
    [InlineData(TestPath.Tunnel, TestFamily.IPv6, GiB / 8)]
    public async Task Both_directions_at_once_arrive_byte_for_byte(TestPath path, TestFamily family, long length)
    {
        var (pod, address) = mesh.Server(path, family);
        BulkPattern up = new(1), down = new(2);
        var received = new TaskCompletionSource<long>();
        await using var server = PeerServer.Start(pod, address, socket => ExchangeAsync(socket, down, up, received));

        using var client = await PeerServer.ConnectAsync(mesh.Client, server.EndPoint);
        var back = new TaskCompletionSource<long>();
        await ExchangeAsync(client, up, down, back).WaitAsync(TimeSpan.FromSeconds(120));

        Assert.Equal(length, await back.Task);
        Assert.Equal(length, await received.Task.WaitAsync(TimeSpan.FromSeconds(120)));
        Assert.Empty(server.Failures);

        async Task ExchangeAsync(Socket socket, BulkPattern outgoing, BulkPattern incoming, TaskCompletionSource<long> done)
        {
            var sending = Task.Run(async () =>
            {
                await outgoing.SendAsync(socket, length);
                socket.Shutdown(SocketShutdown.Send);
            });
            done.SetResult(await incoming.ReceiveAsync(socket));
            await sending;
        }
    }

    [Theory]
    [InlineData(TestPath.Direct)]
    [InlineData(TestPath.Tunnel)]
    public async Task Two_thousand_connections_at_once_all_work(TestPath path)
    {
        const int Connections = 2000;

        // Agents of its own: sessions that other tests have left take some of a client's share for a minute.
        await using var own = await MeshFixture.CreateAsync(new MeshLabOptions());
        var client = await own.AddPodAsync(own.Nodes[0], "client", "client");
        var pod = await own.AddPodAsync(own.Nodes[path == TestPath.Direct ? 0 : 1], "server", "web");
        await MeshFixture.StartAsync(own);
        await using var server = PeerServer.Start(pod, pod.Address4, PeerServer.EchoAsync);
        using var gate = new SemaphoreSlim(64);
        var clients = new ConcurrentBag<Socket>();
        try
        {
            await Task.WhenAll(Enumerable.Range(0, Connections).Select(async _ =>
            {
                await gate.WaitAsync();
                try
                {
                    clients.Add(await PeerServer.ConnectAsync(client, server.EndPoint, seconds: 30));
                }
                finally
                {
                    gate.Release();
                }
            }));
            for (var round = 0; round < 2; round++)
            {
                await Task.WhenAll(clients.Select((socket, i) => PingAsync(socket, i))).WaitAsync(TimeSpan.FromSeconds(60));
            }
        }
        finally
        {
            foreach (var socket in clients)
            {
                socket.Dispose();
            }
        }

        Assert.Empty(server.Failures);
    }

    [Theory]
    [InlineData(TestPath.Direct)]
    [InlineData(TestPath.Tunnel)]
    public async Task A_slow_reader_slows_its_writer_and_nobody_else(TestPath path)
    {
        const long Length = 256L << 20;
        var (pod, address) = mesh.Server(path, TestFamily.IPv4);
        var pattern = new BulkPattern(3);
        var sent = 0L;
        await using var server = PeerServer.Start(pod, address, async socket =>
        {
            var block = new byte[64 * 1024];
            await PeerServer.SendAllAsync(socket, block.AsMemory(0, 1));
            await socket.ReceiveAsync(block);
            for (; Volatile.Read(ref sent) < Length; Interlocked.Add(ref sent, block.Length))
            {
                await PeerServer.SendAllAsync(socket, block);
            }
        });
        await using var echo = PeerServer.Start(pod, address, PeerServer.EchoAsync);

        using var slow = await PeerServer.ConnectAsync(mesh.Client, server.EndPoint);
        await slow.ReceiveAsync(new byte[1]);
        await PeerServer.SendAllAsync(slow, new byte[1]);
        var stalled = await StalledAtAsync(() => Volatile.Read(ref sent));
        Assert.InRange(stalled, 1, Length / 4);

        using var other = await PeerServer.ConnectAsync(mesh.Client, echo.EndPoint);
        for (var i = 0; i < 20; i++)
        {
            await PingAsync(other, i).WaitAsync(TimeSpan.FromSeconds(5));
        }

        var read = 0L;
        var buffer = new byte[1 << 20];
        for (int n; (n = await slow.ReceiveAsync(buffer).WaitAsync(TimeSpan.FromSeconds(20))) > 0;)
        {
            read += n;
        }

        Assert.Equal(Length, read);
        Assert.Empty(server.Failures);
    }

    // The writer has stalled when it got nowhere during half a second.
    private static async Task<long> StalledAtAsync(Func<long> progress)
    {
        using var timer = new PeriodicTimer(TimeSpan.FromMilliseconds(500));
        for (long last = -1, now; ; last = now)
        {
            now = progress();
            if (now == last)
            {
                return now;
            }

            await timer.WaitForNextTickAsync();
        }
    }

    private static async Task PingAsync(Socket socket, int i)
    {
        var message = BitConverter.GetBytes(i);
        await PeerServer.SendAllAsync(socket, message);
        var answer = new byte[4];
        for (var got = 0; got < 4;)
        {
            var n = await socket.ReceiveAsync(answer.AsMemory(got));
            Assert.NotEqual(0, n);
            got += n;
        }

        Assert.Equal(message, answer);
    }
}
