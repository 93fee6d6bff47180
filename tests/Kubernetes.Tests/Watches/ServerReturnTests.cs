using System.Threading.Channels;
using Culvert.Kubernetes.Client;
using Culvert.Kubernetes.Errors;
using Culvert.Kubernetes.Watches;
using k8s.Models;

namespace Culvert.Kubernetes.Tests.Watches;

/// <summary>What one watch tells the others of a server that was away.</summary>
public sealed class ServerReturnTests : RunningReflector
{
    private readonly ServerReturn _server;

    public ServerReturnTests()
        : this(new ServerReturn())
    {
    }

    private ServerReturnTests(ServerReturn server)
        : base(new() { Return = server }) => _server = server;

    [Fact]
    public async Task WhoWaitsTriesAtOnceAndBeginsWithTheFirstWaitAgain()
    {
        for (int i = 0; i < 7; i++)
        {
            await FailAsync(new ApiException(ApiFailure.Unreachable, "away"));
            if (i < 6) Time.Advance(TimeSpan.FromSeconds(30));
        }
        _server.Tell(Time);
        await FailAsync(new ApiException(ApiFailure.Unavailable, "not yet"));
        Time.Advance(TimeSpan.FromMilliseconds(600));
        await Client.AskedAsync();
    }

    [Fact]
    public async Task AWaitThatTheServerHasAskedForIsKept()
    {
        await FailAsync(new ApiException(ApiFailure.TooManyRequests, "later") { RetryAfter = TimeSpan.FromSeconds(60) });
        _server.Tell(Time);
        Task<ListOptions> asked = Client.AskedAsync();
        Time.Advance(TimeSpan.FromSeconds(59));
        Assert.Equal(1, Time.Timers);
        Assert.False(asked.IsCompleted);
        Time.Advance(TimeSpan.FromSeconds(2));
        await asked;
    }

    [Fact]
    public async Task AWatchThatHadFailedTellsOthersAndNotItself()
    {
        await FailAsync(new ApiException(ApiFailure.Unreachable, "away"));
        Task others = _server.Next;
        Client.NextList("1");
        Channel<WatchEvent<V1ConfigMap>> watch = Client.NextWatch();
        Time.Advance(TimeSpan.FromMilliseconds(600));
        await others.WaitAsync(TimeSpan.FromSeconds(20));
        watch.Writer.TryComplete(new ApiException(ApiFailure.Unreachable, "away again"));
        Assert.Equal(["all 0", "watching", "failed Unreachable"], [await NextAsync(), await NextAsync(), await NextAsync()]);
        await Time.TimersAsync(1);
    }

    [Fact]
    public void ItIsNotToldAgainAndAgain()
    {
        _server.Tell(Time);
        Task next = _server.Next;
        Time.Advance(TimeSpan.FromSeconds(9));
        _server.Tell(Time);
        Assert.False(next.IsCompleted);
        Time.Advance(TimeSpan.FromSeconds(1));
        _server.Tell(Time);
        Assert.True(next.IsCompleted);
    }

    private async Task FailAsync(ApiException error)
    {
        await Client.AskedAsync();
        Client.NextList(() => throw error);
        Assert.Equal($"failed {error.Failure}", await NextAsync());
        await Time.TimersAsync(1);
    }
}
