using Culvert.Controller.Api;
using Culvert.Tests.Shared;

namespace Culvert.Controller.Tests;

public sealed class LongResponsesTests : IDisposable
{
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(30);
    private readonly ManualTime _time = new(DateTimeOffset.UnixEpoch);
    private readonly LongResponses _responses;

    public LongResponsesTests() => _responses = new(_time);

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    public void Dispose() => _responses.Dispose();

    [Fact]
    public async Task OneMoreThanThereIsRoomForWaitsUntilAnotherIsSent()
    {
        IDisposable[] places = await FillAsync();
        Task<IDisposable> next = _responses.EnterAsync(Stop);
        Assert.False(next.IsCompleted);
        places[3].Dispose();
        places[3].Dispose();
        await next.WaitAsync(Deadline, Stop);
        Assert.False(_responses.EnterAsync(Stop).IsCompleted);
    }

    [Fact]
    public async Task SlowAgentsKeepNobodyWaitingForEver()
    {
        await FillAsync();
        Task<IDisposable> next = _responses.EnterAsync(Stop);
        _time.Advance(LongResponses.Longest);
        await next.WaitAsync(Deadline, Stop);
    }

    [Fact]
    public async Task WhoGoesWhileItWaitsTakesNoPlace()
    {
        IDisposable[] places = await FillAsync();
        using CancellationTokenSource gone = new();
        Task<IDisposable> waiting = _responses.EnterAsync(gone.Token);
        await gone.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => waiting);
        places[0].Dispose();
        await _responses.EnterAsync(Stop).WaitAsync(Deadline, Stop);
    }

    private async Task<IDisposable[]> FillAsync()
    {
        var places = new IDisposable[LongResponses.Most];
        for (int i = 0; i < places.Length; i++) places[i] = await _responses.EnterAsync(Stop).WaitAsync(Deadline, Stop);
        return places;
    }
}
