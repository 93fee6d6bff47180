using Culvert.Interop.Sockets;
using Culvert.NodeAgent.Proxy.Loop;

namespace Culvert.NodeAgent.Tests.Proxy;

public sealed class BusyPollTests : IDisposable
{
    private static readonly TimeSpan Longest = TimeSpan.FromMicroseconds(100);
    private readonly SteppingClock _clock = new();
    private readonly EpollHandle _epoll = EpollHandle.Create();
    private readonly EventFdHandle _descriptor = EventFdHandle.Create();
    private readonly EpollBuffer _events = new(4);

    public BusyPollTests() => Assert.Equal(SocketErrno.None, _epoll.Add(_descriptor, EpollEvents.Readable, 7));

    public void Dispose()
    {
        _epoll.Dispose();
        _descriptor.Dispose();
    }

    [Fact]
    public void Does_not_look_before_it_has_paid()
    {
        BusyPoll poll = Rested();
        _descriptor.Signal();
        Assert.Equal(0, Poll(poll));
    }

    [Fact]
    public void Looks_twice_as_long_each_time_more_came_soon_up_to_the_longest()
    {
        BusyPoll poll = Rested();
        int[] looks = [.. Enumerable.Range(0, 6).Select(_ => LooksBeforeSleep(poll, slept: TimeSpan.FromMicroseconds(2)))];
        Assert.Equal([0, 10, 20, 40, 80, 100], looks); // the clock steps a microsecond per look
    }

    [Fact]
    public void Takes_what_is_there()
    {
        BusyPoll poll = Rested();
        LooksBeforeSleep(poll, slept: TimeSpan.FromMicroseconds(2));
        _descriptor.Signal();
        Assert.Equal(1, Poll(poll));
        _events.Get(0, out ulong token);
        Assert.Equal(7UL, token);
    }

    [Fact]
    public void Looks_no_more_when_nothing_came()
    {
        BusyPoll poll = Rested();
        LooksBeforeSleep(poll, slept: TimeSpan.FromMicroseconds(2));
        LooksBeforeSleep(poll, slept: TimeSpan.FromMicroseconds(100));
        Assert.Equal(0, LooksBeforeSleep(poll, slept: TimeSpan.FromMicroseconds(2)));
    }

    [Fact]
    public void Never_looks_when_told_not_to()
    {
        BusyPoll poll = new(_clock, TimeSpan.Zero);
        for (int i = 0; i < 3; i++) Assert.Equal(0, LooksBeforeSleep(poll, slept: TimeSpan.FromMicroseconds(1)));
    }

    [Fact]
    public void Leaves_the_processor_to_those_who_need_it()
    {
        BusyPoll poll = Rested();
        for (int i = 0; i < 4; i++) LooksBeforeSleep(poll, slept: TimeSpan.FromMicroseconds(2));
        _clock.Step = TimeSpan.FromMicroseconds(60); // somebody else ran as long
        Assert.Equal(1, LooksBeforeSleep(poll, slept: TimeSpan.Zero));
        _clock.Step = TimeSpan.FromMicroseconds(1);
        Assert.Equal(0, LooksBeforeSleep(poll, slept: TimeSpan.FromMicroseconds(2)));
        _clock.Advance(TimeSpan.FromMilliseconds(10));
        LooksBeforeSleep(poll, slept: TimeSpan.FromMicroseconds(2));
        Assert.Equal(10, LooksBeforeSleep(poll, slept: TimeSpan.FromMicroseconds(2)));
    }

    [Fact]
    public void Remembers_apart_what_follows_on_what()
    {
        BusyPoll poll = Rested();
        for (int i = 0; i < 4; i++)
        {
            Assert.Equal(i == 0 ? 0 : 10 << (i - 1), LooksBeforeSleep(poll, slept: TimeSpan.FromMicroseconds(2), last: 1));
            Assert.Equal(0, LooksBeforeSleep(poll, slept: TimeSpan.FromMicroseconds(200), last: 2));
        }
    }

    [Fact]
    public void Looks_at_most_twice_as_long_as_it_works()
    {
        BusyPoll poll = new(_clock, Longest);
        Assert.Equal(0, LooksBeforeSleep(poll, slept: TimeSpan.FromMicroseconds(2)));
        Assert.Equal(0, LooksBeforeSleep(poll, slept: TimeSpan.FromMicroseconds(2)));
        poll.Worked(Ticks(12));
        Assert.Equal(10, LooksBeforeSleep(poll, slept: TimeSpan.FromMicroseconds(2)));
        Assert.Equal(0, LooksBeforeSleep(poll, slept: TimeSpan.FromMicroseconds(2)));
        poll.Worked(Ticks(5));
        Assert.Equal(20, LooksBeforeSleep(poll, slept: TimeSpan.FromMicroseconds(2)));
    }

    [Fact]
    public void Work_that_is_posted_ends_the_look()
    {
        BusyPoll poll = Rested();
        for (int i = 0; i < 3; i++) LooksBeforeSleep(poll, slept: TimeSpan.FromMicroseconds(2));
        int looks = 0;
        Assert.Equal(0, poll.Poll(_epoll, _events, () => ++looks == 5, 0));
        Assert.Equal(5, looks);
    }

    // One that has worked long enough to look as it likes.
    private BusyPoll Rested()
    {
        BusyPoll poll = new(_clock, Longest);
        poll.Worked(Ticks(1000));
        return poll;
    }

    private static long Ticks(int microseconds) => microseconds * 1000L;

    private int Poll(BusyPoll poll, ulong last = 0) => poll.Poll(_epoll, _events, () => false, last);

    /// <summary>One idle turn: how often it looked; it reads the clock once before, and once per look.</summary>
    private int LooksBeforeSleep(BusyPoll poll, TimeSpan slept, ulong last = 0)
    {
        _clock.Reads = 0;
        Assert.Equal(0, Poll(poll, last));
        int looks = _clock.Reads - 1;
        _clock.Advance(slept);
        poll.Slept();
        return looks;
    }

    /// <summary>A clock of nanoseconds that moves on at each read.</summary>
    private sealed class SteppingClock : TimeProvider
    {
        private long _now = 1;

        public TimeSpan Step { get; set; } = TimeSpan.FromMicroseconds(1);

        public int Reads { get; set; }

        public override long TimestampFrequency => 1_000_000_000;

        public void Advance(TimeSpan time) => _now += (long)time.TotalNanoseconds;

        public override long GetTimestamp()
        {
            Reads++;
            Advance(Step);
            return _now;
        }
    }
}
