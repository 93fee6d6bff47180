using System.Net;
using Culvert.Interop.Sockets;
using Culvert.NodeAgent.Proxy.Loop;
using Culvert.NodeAgent.Proxy.Transport;
using Culvert.NodeAgent.Proxy.Tunnel;

namespace Culvert.NodeAgent.Tests.Proxy;

/// <summary>Whose handshake is worked on next.</summary>
[Trait("Category", "Attack")]
public sealed class HandshakeTurnsTests
{
    private static readonly SocketEndPoint Flood = new(IPAddress.Parse("192.0.2.1"), 0);
    private static readonly SocketEndPoint Honest = new(IPAddress.Parse("192.0.2.2"), 0);

    [Fact]
    public async Task AnAddressThatFloodsWaitsAndCostsAnotherOneTurn()
    {
        using EventLoop loop = new(0, new EventLoopOptions(), TimeProvider.System);
        loop.Start();
        using SocketPair pair = new();
        List<string> served = [];
        TaskCompletionSource done = new();
        bool atOnce = await loop.InvokeAsync(() =>
        {
            HandshakeTurns turns = new(loop, TimeProvider.System);
            LoopSocket socket = new(loop, pair.First, connected: true);
            bool first = turns.WaitAsync(Flood, socket).AsTask().IsCompleted;
            turns.Charge(TimeSpan.FromMilliseconds(20));
            for (int i = 0; i < 5; i++) _ = WaitAsync(turns, Flood, "flood", socket);
            _ = WaitAsync(turns, Honest, "honest", socket);
            Assert.Equal((6, 0), (turns.Waiting, served.Count));
            return first;
        });

        await done.Task.WaitAsync(TimeSpan.FromSeconds(10));

        Assert.True(atOnce);
        Assert.Equal(["flood", "honest", "flood", "flood", "flood", "flood"], served);

        async Task WaitAsync(HandshakeTurns turns, SocketEndPoint source, string name, LoopSocket socket)
        {
            await turns.WaitAsync(source, socket);
            served.Add(name);
            if (served.Count == 6) done.SetResult();
        }
    }

    [Fact]
    public async Task ConnectionsThatWereGivenUpLeaveTheQueue()
    {
        using EventLoop loop = new(0, new EventLoopOptions(), TimeProvider.System);
        loop.Start();
        using SocketPair pair = new(), other = new();
        (int before, int after) = await loop.InvokeAsync(() =>
        {
            HandshakeTurns turns = new(loop, TimeProvider.System);
            LoopSocket socket = new(loop, pair.First, connected: true), alive = new(loop, other.First, connected: true);
            turns.Charge(TimeSpan.FromHours(1));
            for (int i = 0; i < 5; i++) _ = turns.WaitAsync(Flood, socket).AsTask();
            int waiting = turns.Waiting;
            socket.Reset();
            _ = turns.WaitAsync(Flood, alive).AsTask();
            return (waiting, turns.Waiting);
        });
        Assert.Equal((5, 1), (before, after));
    }
}
