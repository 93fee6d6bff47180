namespace Culvert.Tests.Shared;

/// <summary>What a piece of work allocates.</summary>
internal static class Allocations
{
    private const int Times = 4;

    /// <summary>
    /// Bytes that this thread allocates for a piece of work: the least of several times, as a collection that another thread causes meanwhile counts the rest of what the thread was given to allocate from, some kilobytes.
    /// </summary>
    public static long Of(Action work)
    {
        long least = long.MaxValue;
        for (int time = 0; time < Times && least > 0; time++)
        {
            long before = GC.GetAllocatedBytesForCurrentThread();
            work();
            least = Math.Min(least, GC.GetAllocatedBytesForCurrentThread() - before);
        }
        return least;
    }
}
