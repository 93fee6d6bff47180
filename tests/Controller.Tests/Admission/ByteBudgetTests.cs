using Culvert.Controller.Admission;

namespace Culvert.Controller.Tests.Admission;

/// <summary>Bytes that several wait for.</summary>
public sealed class ByteBudgetTests
{
    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task WhoWaitsIsServedInOrderAndWhoLeavesTakesNothing()
    {
        ByteBudget budget = new(10);
        using CancellationTokenSource leave = new();
        IDisposable first = await budget.TakeAsync(8, Stop);
        Task<IDisposable> large = budget.TakeAsync(10, leave.Token), small = budget.TakeAsync(2, Stop);
        Assert.False(large.IsCompleted || small.IsCompleted);
        await leave.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => large);
        IDisposable second = await small;
        Assert.Equal(0, budget.Left);
        first.Dispose();
        first.Dispose();
        Assert.Equal(8, budget.Left);
        second.Dispose();
        Assert.Equal(10, budget.Left);
    }

    [Fact]
    public async Task MoreThanThereIsIsNotWaitedFor() => await Assert.ThrowsAsync<ArgumentOutOfRangeException>(() => new ByteBudget(10).TakeAsync(11, Stop));
}
