using Culvert.NodeAgent.Hosting;
using Microsoft.Extensions.Logging.Abstractions;

namespace Culvert.NodeAgent.Tests.Hosting;

public sealed class BackgroundWorkTests
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(30);

    [Fact]
    public async Task APartThatFailsIsTold()
    {
        using BackgroundWork work = new(NullLogger.Instance, ("the good one", stop => Task.Delay(Timeout.Infinite, stop)), ("the bad one", _ => throw new InvalidOperationException()));
        await work.StartAsync(TestContext.Current.CancellationToken);
        Assert.Equal("the bad one has failed, which is an error of Culvert, please report it", await work.Failed.WaitAsync(Limit, TestContext.Current.CancellationToken));
        await work.StopAsync(TestContext.Current.CancellationToken);
    }

    [Fact]
    public async Task PartsThatAreStoppedOrHaveNothingLeftToDoHaveNotFailed()
    {
        using BackgroundWork work = new(NullLogger.Instance, ("the long one", stop => Task.Delay(Timeout.Infinite, stop)), ("the short one", _ => Task.CompletedTask));
        await work.StartAsync(TestContext.Current.CancellationToken);
        await work.StopAsync(TestContext.Current.CancellationToken);
        Assert.False(work.Failed.IsCompleted);
    }
}
