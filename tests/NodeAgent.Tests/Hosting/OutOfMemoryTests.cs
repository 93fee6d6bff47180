using Culvert.Hosting;

namespace Culvert.NodeAgent.Tests.Hosting;

public sealed class OutOfMemoryTests
{
    [Fact]
    public void A_process_that_does_nothing_but_collect_is_told_from_one_that_works()
    {
        Assert.True(OutOfMemory.IsFutile(Seconds(0, 4, 8, 12, 16, 20, 24), Seconds(0, 5, 10, 15, 20, 25, 30)));
        Assert.False(OutOfMemory.IsFutile(Seconds(0, 4, 8, 12, 13, 17, 21), Seconds(0, 5, 10, 15, 20, 25, 30))); // it has worked in between
        Assert.False(OutOfMemory.IsFutile(Seconds(0, 4, 8, 12, 16, 20), Seconds(0, 5, 10, 15, 20, 25))); // not for long enough
        Assert.False(OutOfMemory.IsFutile(Seconds(0, 0, 0, 0, 0, 0, 0), Seconds(0, 5, 10, 15, 20, 25, 30)));
    }

    private static TimeSpan[] Seconds(params double[] values) => [.. values.Select(TimeSpan.FromSeconds)];
}
