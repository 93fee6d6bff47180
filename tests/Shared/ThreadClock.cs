using System.Globalization;

namespace Culvert.Tests.Shared;

/// <summary>The processor time of the calling thread: what work costs, whoever else has the machine meanwhile. Work that continues on other threads is not counted.</summary>
internal static class ThreadClock
{
    // Several ticks of the scheduler: at any of them one may be late, and with it the clock.
    private static readonly TimeSpan LeastYardstick = TimeSpan.FromMilliseconds(40);

    /// <summary>How long the calling thread has run on a processor, to a tick of the scheduler (proc(5), <c>schedstat</c>).</summary>
    public static TimeSpan Now
    {
        get
        {
            ReadOnlySpan<char> text = File.ReadAllText("/proc/thread-self/schedstat");
            return TimeSpan.FromTicks(long.Parse(text[..text.IndexOf(' ')], CultureInfo.InvariantCulture) / TimeSpan.NanosecondsPerTick);
        }
    }

    /// <summary>What a piece of work costs, in time on a processor.</summary>
    public static TimeSpan Measure(Action work)
    {
        TimeSpan start = Now;
        work();
        return Now - start;
    }

    /// <summary>
    /// What a piece of work costs, as so many times a fixed piece of work that is done right after it: a processor whose other thread, caches or host serve others does both more slowly.
    /// </summary>
    public static double MeasureRelatively(Action work)
    {
        TimeSpan own = Measure(work), start = Now;
        int times = 0;
        do
        {
            GC.KeepAlive(new SortedSet<string>(Enumerable.Range(0, 10_000).Select(i => (i * 7919 % 10_007).ToString(CultureInfo.InvariantCulture)), StringComparer.Ordinal));
            times++;
        }
        while (Now - start < LeastYardstick);
        return own / ((Now - start) / times);
    }
}
