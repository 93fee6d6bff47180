using Culvert.NodeAgent.Hosting;
using Microsoft.Extensions.Logging.Abstractions;

namespace Culvert.NodeAgent.Tests.Hosting;

public sealed class BackgroundWorkTests
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(30);

    [Fact]
    public async Task APartThatFailsIsTold()
    {
        await using BackgroundWork work = new(NullLogger.Instance);
        work.Start("the good one", stop => Task.Delay(Timeout.Infinite, stop));
        work.Start("the bad one", _ => throw new InvalidOperationException());
        Assert.Equal("the bad one", await work.Failed.WaitAsync(Limit, TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task PartsThatAreStoppedOrHaveNothingLeftToDoHaveNotFailed()
    {
        BackgroundWork work = new(NullLogger.Instance);
        work.Start("the long one", stop => Task.Delay(Timeout.Infinite, stop));
        work.Start("the short one", _ => Task.CompletedTask);
        await work.DisposeAsync();
        Assert.False(work.Failed.IsCompleted);
    }
}
