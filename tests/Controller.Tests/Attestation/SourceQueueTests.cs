using System.Net;
using Culvert.Controller.Attestation.Kubernetes;

namespace Culvert.Controller.Tests;

/// <summary>Who is let in next.</summary>
public sealed class SourceQueueTests
{
    private static readonly IPAddress A = IPAddress.Parse("10.0.0.1"), B = IPAddress.Parse("10.0.0.2"), C = IPAddress.Parse("10.0.0.3");

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task NextIsTheAddressThatHasFewestInAndThenTheOneThatWasServedLongestAgo()
    {
        SourceQueue queue = new(2, 2);
        IDisposable first = (await queue.EnterAsync(A, Stop))!, second = (await queue.EnterAsync(A, Stop))!;
        Task<IDisposable?> third = queue.EnterAsync(A, Stop), fourth = queue.EnterAsync(A, Stop), other = queue.EnterAsync(B, Stop), last = queue.EnterAsync(C, Stop);
        Assert.Null(await queue.EnterAsync(A, Stop));
        first.Dispose();
        first.Dispose();
        IDisposable ofB = (await other.WaitAsync(Patience, Stop))!;
        Assert.False(third.IsCompleted || last.IsCompleted);

        // A was served before C came.
        second.Dispose();
        IDisposable ofA = (await third.WaitAsync(Patience, Stop))!;
        Assert.False(fourth.IsCompleted || last.IsCompleted);
        ofB.Dispose();
        (await last.WaitAsync(Patience, Stop))!.Dispose();
        ofA.Dispose();
        (await fourth.WaitAsync(Patience, Stop))!.Dispose();
        Assert.Equal(0, queue.Count);
    }

    [Fact]
    public async Task WhoComesAgainAndAgainDoesNotComeBeforeWhoWaits()
    {
        SourceQueue queue = new(1, 2);
        IDisposable ofA = (await queue.EnterAsync(A, Stop))!;
        Task<IDisposable?> ofB = queue.EnterAsync(B, Stop), ofC = queue.EnterAsync(C, Stop);
        ofA.Dispose();
        Task<IDisposable?> again = queue.EnterAsync(A, Stop);
        (await ofB.WaitAsync(Patience, Stop))!.Dispose();
        Task<IDisposable?> andAgain = queue.EnterAsync(B, Stop);
        (await ofC.WaitAsync(Patience, Stop))!.Dispose();
        (await again.WaitAsync(Patience, Stop))!.Dispose();
        (await andAgain.WaitAsync(Patience, Stop))!.Dispose();
        Assert.Equal(0, queue.Count);
    }

    [Fact]
    public async Task WhoLeavesWhileItWaitsIsForgotten()
    {
        SourceQueue queue = new(1, 2);
        using CancellationTokenSource leave = new();
        IDisposable first = (await queue.EnterAsync(A, Stop))!;
        Task<IDisposable?> gone = queue.EnterAsync(B, leave.Token);
        await leave.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => gone);
        Assert.Equal(1, queue.Count);
        first.Dispose();
        Assert.Equal(0, queue.Count);
        (await queue.EnterAsync(B, Stop))!.Dispose();
    }
}
