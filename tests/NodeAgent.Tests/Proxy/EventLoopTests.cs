using System.Net;
using Culvert.Interop.Sockets;
using Culvert.NodeAgent.Proxy.Loop;
using Culvert.NodeAgent.Proxy.Transport;

namespace Culvert.NodeAgent.Tests.Proxy;

public sealed class EventLoopTests
{
    [Fact]
    public async Task PostedWorkRunsInOrderOnTheLoop()
    {
        using EventLoop loop = StartLoop();
        List<int> seen = [];
        for (int i = 0; i < 1000; i++)
        {
            int n = i;
            loop.Post(() => seen.Add(n));
        }

        Assert.True(await loop.InvokeAsync(() => loop.IsCurrent));
        Assert.Equal(Enumerable.Range(0, 1000), seen);
    }

    [Fact]
    public async Task AThrowingCallbackIsReportedAndTheLoopGoesOn()
    {
        FaultRecorder recorder = new();
        using EventLoop loop = new(0, new EventLoopOptions(), TimeProvider.System, recorder);
        loop.Start();
        loop.Post(() => throw new InvalidOperationException("on purpose"));
        Assert.True(await loop.InvokeAsync(() => true));
        Assert.Equal("on purpose", Assert.Single(recorder.Faults).Message);
    }

    [Fact]
    public async Task TimersFireInOrderAndCancelledOnesDoNot()
    {
        using EventLoop loop = StartLoop();
        TaskCompletionSource<List<int>> done = new();
        List<int> fired = [];
        loop.Post(() =>
        {
            LoopTimer cancelled = new(_ => fired.Add(-1), null);
            loop.Schedule(cancelled, TimeSpan.FromMilliseconds(20));
            foreach (int delay in (int[])[120, 40, 80])
            {
                loop.Schedule(
                    new LoopTimer(
                        _ =>
                        {
                            fired.Add(delay);
                            if (fired.Count == 3) done.SetResult(fired);
                        },
                        null),
                    TimeSpan.FromMilliseconds(delay));
            }

            loop.Timers.Cancel(cancelled);
        });
        Assert.Equal([40, 80, 120], await done.Task.WaitAsync(TimeSpan.FromSeconds(10)));
    }

    [Fact]
    public async Task AwaitingReadabilityContinuesInlineOnTheLoop()
    {
        using EventLoop loop = StartLoop();
        using SocketPair pair = new();
        TaskCompletionSource<(int, bool)> done = new();
        loop.Post(async () =>
        {
            LoopSocket socket = new(loop, pair.Second, connected: true);
            byte[] buffer = new byte[16];
            IoResult result;
            while ((result = socket.Receive(buffer)).WouldBlock) Assert.True(await socket.ReadableAsync());
            done.SetResult((result.Count, loop.IsCurrent));
        });
        await loop.InvokeAsync(() => 0);
        pair.First.Send("hello"u8);
        Assert.Equal((5, true), await done.Task.WaitAsync(TimeSpan.FromSeconds(10)));
    }

    [Fact]
    public void TheWheelFiresTimersBeyondOneTurnAndSurvivesChangesWhileFiring()
    {
        TimerWheel wheel = new(0);
        List<string> fired = [];
        LoopTimer late = new(_ => fired.Add("late"), null);
        LoopTimer victim = new(_ => fired.Add("victim"), null);
        LoopTimer killer = new(_ => wheel.Cancel(victim), null);
        wheel.Schedule(late, 0, TimeSpan.FromSeconds(30));
        wheel.Schedule(victim, 0, TimeSpan.FromMilliseconds(800));
        wheel.Schedule(killer, 0, TimeSpan.FromMilliseconds(799));
        Assert.InRange(wheel.MillisecondsToNext(0), 790, 808);
        wheel.Advance(10_000);
        Assert.Empty(fired);
        wheel.Advance(29_999);
        Assert.Empty(fired);
        wheel.Advance(30_008);
        Assert.Equal(["late"], fired);
        Assert.Equal(-1, wheel.MillisecondsToNext(40_000));
    }

    [Fact]
    public void EndPointsReadAndWriteBothFamilies()
    {
        Assert.True(SocketEndPoint.TryParse("10.1.2.3:80"u8, out SocketEndPoint v4));
        Assert.Equal(new SocketEndPoint(IPAddress.Parse("10.1.2.3"), 80), v4);
        Assert.Equal("10.1.2.3:80", v4.ToString());
        Assert.True(SocketEndPoint.TryParse("[fd00::7]:15008"u8, out SocketEndPoint v6));
        Assert.Equal("[fd00::7]:15008", v6.ToString());
        foreach (string bad in (string[])["", ":80", "1.2.3:80", "1.2.3.4", "1.2.3.4:", "1.2.3.4:65536", "1.2.3.256:1", "::1:80", "[::1]", "[::1%lo]:80", "01.2.3.4:5", "1.2.3.4.5:6", "[1.2.3.4]:80", "host:80"])
        {
            Assert.False(SocketEndPoint.TryParse(System.Text.Encoding.ASCII.GetBytes(bad), out _), bad);
        }
    }

    private static EventLoop StartLoop()
    {
        EventLoop loop = new(0, new EventLoopOptions(), TimeProvider.System);
        loop.Start();
        return loop;
    }

    private sealed class FaultRecorder : ILoopObserver
    {
        internal List<Exception> Faults { get; } = [];

        public void OnLoopTurn(int loop, TimeSpan busy, int events)
        {
        }

        public void OnLoopFault(int loop, Exception exception) => Faults.Add(exception);
    }
}
