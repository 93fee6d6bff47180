using Culvert.Kubernetes.Errors;
using Culvert.Kubernetes.Metrics;
using Culvert.Kubernetes.Tests.Support;
using Culvert.Kubernetes.WorkQueue;
using Culvert.Tests.Shared;
using Microsoft.Extensions.Logging.Abstractions;

namespace Culvert.Kubernetes.Tests.WorkQueue;

/// <summary>The work queue, and those who work on it.</summary>
public sealed class WorkQueueTests : IDisposable
{
    private readonly ManualTime _time = new();
    private readonly KubernetesMetrics _metrics = new();
    private readonly WorkQueue<string> _queue;

    public WorkQueueTests() => _queue = new("test", new(), _metrics, _time);

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    public void Dispose()
    {
        _queue.Dispose();
        _metrics.Dispose();
    }

    [Fact]
    public async Task AnItemIsInItOnce()
    {
        _queue.Add("a");
        _queue.Add("b");
        _queue.Add("a");
        Assert.Equal(2, _queue.Count);
        Assert.Equal("a", await TakeAsync());
        Assert.Equal("b", await TakeAsync());
        Assert.Equal(0, _queue.Count);
    }

    [Fact]
    public async Task WhatIsWorkedOnComesAgainOnlyAfterwards()
    {
        _queue.Add("a");
        Assert.Equal("a", await TakeAsync());
        _queue.Add("a");
        _queue.Add("a");
        Task<string> next = TakeAsync();
        Assert.False(next.IsCompleted);
        _queue.Done("a");
        Assert.Equal("a", await Soon.Ends(next));
        _queue.Done("a");
        Assert.Equal(0, _queue.Count);
    }

    [Fact]
    public async Task ADelayedItemComesAtTheEarliestTimeAskedFor()
    {
        _queue.AddAfter("a", TimeSpan.FromSeconds(10));
        _queue.AddAfter("a", TimeSpan.FromSeconds(5));
        _queue.AddAfter("a", TimeSpan.FromSeconds(20));
        _time.Advance(TimeSpan.FromSeconds(4.9));
        Assert.Equal(0, _queue.Count);
        _time.Advance(TimeSpan.FromSeconds(0.1));
        Assert.Equal("a", await TakeAsync());
        _queue.Done("a");
        _time.Advance(TimeSpan.FromMinutes(1));
        Assert.Equal(0, _queue.Count);
        Assert.Equal(0, _time.Timers);
    }

    [Fact]
    public void EachFailureDoublesAnItemsWaitUntilItIsForgotten()
    {
        foreach (int milliseconds in (int[])[10, 20, 40, 80])
        {
            _queue.AddFailed("a");
            _time.Advance(TimeSpan.FromMilliseconds(milliseconds - 1));
            Assert.Equal(0, _queue.Count);
            _time.Advance(TimeSpan.FromMilliseconds(1));
            Take("a");
        }
        for (int i = 0; i < 100; i++)
        {
            _queue.AddFailed("a");
            _time.Advance(TimeSpan.FromMinutes(5));
            Take("a");
        }
        _queue.Forget("a");
        Assert.Equal(0, _queue.Failures("a"));
        _queue.AddFailed("a");
        _time.Advance(TimeSpan.FromMilliseconds(10));
        Take("a");
    }

    [Fact]
    public async Task AClosedQueueGivesOutWhatIsInIt()
    {
        _queue.Add("a");
        _queue.Add("b");
        _queue.AddAfter("c", TimeSpan.FromSeconds(1));
        Assert.Equal("a", await TakeAsync());
        _queue.Add("a");
        Task drained = _queue.Close();
        _queue.Add("d");
        _time.Advance(TimeSpan.FromSeconds(2));
        Assert.Equal("b", await TakeAsync());
        _queue.Done("b");
        Assert.False(drained.IsCompleted);
        _queue.Done("a");
        Assert.Equal("a", await TakeAsync());
        Task<(bool IsTaken, string Item)> none = _queue.TakeAsync(Stop).AsTask();
        _queue.Done("a");
        await Soon.Ends(drained);
        Assert.False((await Soon.Ends(none)).IsTaken);
    }

    [Fact]
    public async Task NobodyWorksOnAnItemTwiceAtATime()
    {
        var running = new Dictionary<int, int>();
        int most = 0, done = 0;
        using var queue = new WorkQueue<int>("test", new(), _metrics, TimeProvider.System);
        var workers = new QueueWorkers<int>("test", queue, async (item, _) =>
        {
            lock (running) most = Math.Max(most, running[item] = running.GetValueOrDefault(item) + 1);
            await Task.Yield();
            lock (running) running[item]--;
            Interlocked.Increment(ref done);
            return null;
        }, NullLogger.Instance);
        Task run = workers.RunAsync(4, Stop);
        await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => Task.Run(() =>
        {
            for (int i = 0; i < 2000; i++) queue.Add(i % 7);
        }, Stop)));
        await Soon.Ends(queue.Close());
        await Soon.Ends(run);
        Assert.Equal(1, most);
        Assert.InRange(done, 7, 8000);
    }

    [Fact]
    public async Task FailedWorkIsTriedAgainWhenTheServerSays()
    {
        int tries = 0;
        var second = new TaskCompletionSource();
        var workers = new QueueWorkers<string>("test", _queue, (_, _) =>
        {
            if (++tries == 1) throw new ApiException(ApiFailure.TooManyRequests, "later") { RetryAfter = TimeSpan.FromSeconds(30) };
            second.SetResult();
            return Task.FromResult<TimeSpan?>(TimeSpan.FromHours(1));
        }, NullLogger.Instance);
        Task run = workers.RunAsync(1, Stop);
        _queue.Add("a");
        await _time.TimersAsync(1);
        Assert.Equal(1, _queue.Failures("a"));
        _time.Advance(TimeSpan.FromSeconds(29));
        Assert.False(second.Task.IsCompleted);
        _time.Advance(TimeSpan.FromSeconds(1));
        await Soon.Ends(second.Task);
        // It asked to come back.
        await _time.TimersAsync(1);
        Assert.Equal(0, _queue.Failures("a"));
        await Soon.Ends(_queue.Close());
        await Soon.Ends(run);
    }

    [Fact]
    public async Task WhatIsWorkedOnWhenTheWorkersAreStoppedIsLeftForTheNext()
    {
        var begun = new TaskCompletionSource();
        var workers = new QueueWorkers<string>("test", _queue, async (_, cancellationToken) =>
        {
            begun.SetResult();
            await Task.Delay(Timeout.Infinite, cancellationToken);
            return null;
        }, NullLogger.Instance);
        using var term = CancellationTokenSource.CreateLinkedTokenSource(Stop);
        Task run = workers.RunAsync(1, term.Token);
        _queue.Add("a");
        await Soon.Ends(begun.Task);
        await term.CancelAsync();
        await Soon.Ends(run);
        Assert.Equal("a", await TakeAsync());
    }

    private void Take(string item)
    {
        Task<(bool IsTaken, string Item)> taken = _queue.TakeAsync(Stop).AsTask();
        Assert.True(taken.IsCompletedSuccessfully);
        Assert.Equal(item, taken.Result.Item);
        _queue.Done(item);
    }

    private async Task<string> TakeAsync()
    {
        (bool isTaken, string item) = await Soon.Ends(_queue.TakeAsync(Stop).AsTask());
        Assert.True(isTaken);
        return item;
    }
}
