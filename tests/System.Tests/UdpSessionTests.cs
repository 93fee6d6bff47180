using System.Net.Sockets;
using Culvert.Labs;
using Culvert.Labs.Mesh;
using Culvert.SystemTests.Fixtures;
using Culvert.SystemTests.Peers;

namespace Culvert.SystemTests;

/// <summary>Many sessions at once, and their end.</summary>
[Collection(MeshCollection.Name)]
public sealed class UdpSessionTests(MeshFixture mesh)
{
    [Theory]
    [InlineData(TestFamily.IPv4)]
    [InlineData(TestFamily.IPv6)]
    public async Task Two_thousand_sessions_at_once_get_their_own_answers(TestFamily family)
    {
        const int Count = 2000;
        await using var server = UdpPeer.StartEcho(mesh.Far, family);
        var before = (await mesh.Node1.MetricsAsync()).Sum("culvert_udp_sessions_failed_total");
        var clients = Enumerable.Range(0, Count).Select(_ => UdpPeer.Connect(mesh.Client, server.EndPoint)).ToArray();
        try
        {
            for (var round = 0; round < 3; round++)
            {
                // Whoever gets another's answer, or none, fails.
                await Parallel.ForAsync(0, Count, new ParallelOptions { MaxDegreeOfParallelism = 64 }, async (i, _) => await UdpPeer.ExchangeAsync(clients[i], Message(i, round)));
            }

            Assert.Equal(3 * Count, server.Received);
            Assert.All(clients, c => Assert.Equal(0, c.Available));
            var after = await mesh.Node1.MetricsAsync();
            Assert.InRange(after.Sum("culvert_udp_sessions"), Count, 5 * Count);
            Assert.Equal(before, after.Sum("culvert_udp_sessions_failed_total"));
        }
        finally
        {
            foreach (var client in clients)
            {
                client.Dispose();
            }
        }
    }

    [Fact]
    public async Task Idle_one_way_and_unanswered_sessions_end_and_leave_nothing()
    {
        await using var lab = await MeshFixture.CreateAsync(new MeshLabOptions { AgentArguments = ["--udp-idle-seconds", "2", "--udp-header-crc"] });
        var client = await lab.AddPodAsync(lab.Nodes[0], "client", "client");
        var guest = await lab.AddPodAsync(lab.Nodes[0], "guest", "guest");
        var far = await lab.AddPodAsync(lab.Nodes[1], "far", "web");
        await MeshFixture.StartAsync(lab);
        await using var echo = UdpPeer.StartEcho(far, TestFamily.IPv4);
        await using var sink = UdpPeer.StartSink(far, TestFamily.IPv6);
        using var kept = UdpPeer.Connect(client, echo.EndPoint);
        await UdpPeer.ExchangeAsync(kept, [1]);
        var open = await DescriptorsAsync(lab);

        const int Each = 200;
        for (var i = 0; i < Each; i++)
        {
            using var asking = UdpPeer.Connect(client, echo.EndPoint);
            await UdpPeer.ExchangeAsync(asking, BitConverter.GetBytes(i));
            using var oneWay = UdpPeer.Connect(client, sink.EndPoint);
            using var denied = UdpPeer.Connect(guest, echo.EndPoint);
            for (var n = 0; n < 5; n++)
            {
                await oneWay.SendAsync(new byte[100]);
                await denied.SendAsync(new byte[100]);
            }
        }

        await LabWait.UntilAsync("all one-way datagrams arrived", () => sink.Received == Each * 5, TimeSpan.FromSeconds(10));
        Assert.InRange(await SessionsAsync(lab), Each, int.MaxValue);

        // One that goes on, in one direction only, is not idle: it is the same session all the time.
        using var stop = new CancellationTokenSource();
        var going = SendUntilAsync(kept, stop.Token);
        await LabWait.UntilAsync("idle sessions have ended", async () => await SessionsAsync(lab) == 1, TimeSpan.FromSeconds(15));
        var opened = (await lab.Nodes[0].MetricsAsync()).Sum("culvert_udp_sessions_opened_total");
        await stop.CancelAsync();
        await going;
        await LabWait.UntilAsync("the last one has ended", async () => await SessionsAsync(lab) == 0, TimeSpan.FromSeconds(15));
        Assert.Equal(opened, (await lab.Nodes[0].MetricsAsync()).Sum("culvert_udp_sessions_opened_total"));
        await LabWait.UntilAsync("nothing is open at either node", async () => (await lab.Nodes[0].StatusAsync()).OpenConnections + (await lab.Nodes[1].StatusAsync()).OpenConnections == 0, TimeSpan.FromSeconds(10));
        foreach (var (before, after) in open.Zip(await DescriptorsAsync(lab)))
        {
            Assert.InRange(after, 0, before + 32); // each loop's tunnel and pools; sessions were 600
        }

        // The socket that was idle goes on by itself.
        await DrainAsync(kept);
        await UdpPeer.ExchangeAsync(kept, [7]);
    }

    private static byte[] Message(int session, int round)
    {
        var message = new byte[8 + (session % 1400)];
        BitConverter.TryWriteBytes(message, session);
        BitConverter.TryWriteBytes(message.AsSpan(4), round);
        return message;
    }

    private static async Task<double> SessionsAsync(MeshLab lab) => (await lab.Nodes[0].MetricsAsync()).Sum("culvert_udp_sessions");

    private static Task<int[]> DescriptorsAsync(MeshLab lab) => Task.FromResult(lab.Nodes.Select(n => Directory.GetFiles($"/proc/{n.Agent!.Id}/fd").Length).ToArray());

    private static async Task SendUntilAsync(Socket socket, CancellationToken stop)
    {
        using var clock = new PeriodicTimer(TimeSpan.FromMilliseconds(200));
        while (!stop.IsCancellationRequested)
        {
            await socket.SendAsync(new byte[10], CancellationToken.None);
            await clock.WaitForNextTickAsync(CancellationToken.None);
        }
    }

    private static async Task DrainAsync(Socket socket)
    {
        var buffer = new byte[100];
        while (socket.Available > 0)
        {
            await socket.ReceiveAsync(buffer);
        }
    }
}
