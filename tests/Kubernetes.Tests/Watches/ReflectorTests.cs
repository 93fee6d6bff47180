using System.Threading.Channels;
using Culvert.Kubernetes.Client;
using Culvert.Kubernetes.Errors;
using Culvert.Kubernetes.Metrics;
using Culvert.Kubernetes.Resources;
using Culvert.Kubernetes.Tests.Support;
using Culvert.Kubernetes.Watches;
using Culvert.Tests.Shared;
using Microsoft.Extensions.Logging.Abstractions;

namespace Culvert.Kubernetes.Tests.Watches;

/// <summary>What a reflector asks for and when, by a clock of the test.</summary>
public sealed class ReflectorTests : IReflectorSink<ConfigMap>, IAsyncDisposable
{
    private readonly FakeClient<ConfigMap> _client = new(KnownResources.ConfigMaps);
    private readonly ManualTime _time = new();
    private readonly KubernetesMetrics _metrics = new();
    private readonly CancellationTokenSource _stop = new();
    private readonly Channel<string> _told = Channel.CreateUnbounded<string>();
    private readonly Task _run;

    public ReflectorTests() => _run = new Reflector<ConfigMap>(_client, this, new(), _metrics, _time, NullLogger.Instance, new Middle()).RunAsync(_stop.Token);

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await Soon.Ends(_run);
        _stop.Dispose();
        _metrics.Dispose();
    }

    [Fact]
    public async Task AWatchGoesOnWhereTheLastOneStood()
    {
        _client.NextList("5", Map("a", "3"));
        Channel<WatchEvent<ConfigMap>> first = _client.NextWatch();
        Assert.Null((await _client.AskedAsync()).ResourceVersion);
        Assert.Equal("5", (await _client.AskedAsync()).ResourceVersion);
        Assert.Equal(["all 1", "watching"], [await NextAsync(), await NextAsync()]);
        first.Writer.TryWrite(new(WatchEventType.Added, "6", Map("b", "6")));
        first.Writer.TryWrite(new(WatchEventType.Bookmark, "9", null));
        first.Writer.TryComplete();
        Assert.Equal("Added b", await NextAsync());
        Channel<WatchEvent<ConfigMap>> second = _client.NextWatch();
        var asked = Assert.IsType<WatchOptions>(await _client.AskedAsync());
        Assert.Equal("9", asked.ResourceVersion);
        Assert.Equal(TimeSpan.FromMinutes(7.5), asked.Timeout);
        second.Writer.TryComplete(new ApiException(ApiFailure.Unreachable, "cut"));
        Assert.Equal("watching", await NextAsync());
        Assert.Equal("failed Unreachable", await NextAsync());
        await _time.TimersAsync(1);
        _client.NextWatch();
        _time.Advance(TimeSpan.FromMilliseconds(600));
        Assert.Equal("9", (await _client.AskedAsync()).ResourceVersion);
    }

    [Fact]
    public async Task WhatIsNoLongerKeptIsListedAnewAtOnce()
    {
        _client.NextList("5", Map("a", "3"));
        Channel<WatchEvent<ConfigMap>> watch = _client.NextWatch();
        await _client.AskedAsync();
        await _client.AskedAsync();
        watch.Writer.TryComplete(new ApiException(ApiFailure.Expired, "too old"));
        ListOptions again = await _client.AskedAsync();
        Assert.IsNotType<WatchOptions>(again);
        Assert.Null(again.ResourceVersion);
        _client.NextList("20", Map("b", "12"));
        Assert.Equal("20", (await _client.AskedAsync()).ResourceVersion);
    }

    [Fact]
    public async Task EachFailureIsFollowedByALongerWaitUntilOneGoesWell()
    {
        foreach (double milliseconds in (double[])[600, 1200, 2400, 4800, 9600, 19200, 22500, 22500])
        {
            await _client.AskedAsync();
            _client.NextList(() => throw new ApiException(ApiFailure.Unavailable, "no"));
            Assert.Equal("failed Unavailable", await NextAsync());
            await _time.TimersAsync(1);
            _time.Advance(TimeSpan.FromMilliseconds(milliseconds - 1));
            Assert.Equal(1, _time.Timers);
            _time.Advance(TimeSpan.FromMilliseconds(1));
        }
        await _client.AskedAsync();
        _client.NextList("1");
        await _client.AskedAsync();
        Channel<WatchEvent<ConfigMap>> watch = _client.NextWatch();
        watch.Writer.TryWrite(new(WatchEventType.Bookmark, "2", null));
        watch.Writer.TryComplete(new ApiException(ApiFailure.Unavailable, "no"));
        Assert.Equal(["all 0", "watching", "failed Unavailable"], [await NextAsync(), await NextAsync(), await NextAsync()]);
        await _time.TimersAsync(1);
        _client.NextWatch();
        _time.Advance(TimeSpan.FromMilliseconds(600));
        Assert.Equal("2", (await _client.AskedAsync()).ResourceVersion);
    }

    [Fact]
    public async Task TheServersWaitIsTheLeast()
    {
        await _client.AskedAsync();
        _client.NextList(() => throw new ApiException(ApiFailure.TooManyRequests, "later") { RetryAfter = TimeSpan.FromSeconds(60) });
        await NextAsync();
        await _time.TimersAsync(1);
        _time.Advance(TimeSpan.FromSeconds(60));
        Assert.Equal(1, _time.Timers);
        _time.Advance(TimeSpan.FromSeconds(1));
        await _client.AskedAsync();
    }

    [Fact]
    public async Task AWatchThatEndsAtOnceIsNotBegunAgainAtOnce()
    {
        _client.NextList("5");
        _client.NextWatch().Writer.TryComplete();
        await _client.AskedAsync();
        await _client.AskedAsync();
        await _time.TimersAsync(1);
        _time.Advance(TimeSpan.FromMilliseconds(600));
        await _client.AskedAsync();
    }

    [Fact]
    public async Task AListWhosePagesExpireIsBegunAnewAndThenAskedForAtOnce()
    {
        for (int i = 0; i < 3; i++)
        {
            _client.NextList(() => new() { Items = [Map("a", "1")], ResourceVersion = "5", Continue = "c" });
            _client.NextList(() => throw new ApiException(ApiFailure.Expired, "too old"));
            Assert.Null((await _client.AskedAsync()).Continue);
            Assert.Equal("c", (await _client.AskedAsync()).Continue);
        }
        Assert.Equal(0, (await _client.AskedAsync()).Limit);
        _client.NextList("9", Map("a", "1"), Map("b", "1"));
        Assert.Equal("all 2", await NextAsync());
    }

    [Fact]
    public void WaitsAreSpreadOverTheUpperHalf()
    {
        var random = new Random(7);
        var backoff = new Backoff(TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(4), random);
        for (int i = 0; i < 1000; i++)
        {
            backoff.Reset();
            Assert.InRange(backoff.Next().TotalSeconds, 0.5, 1);
            Assert.InRange(backoff.Next().TotalSeconds, 1, 2);
            Assert.InRange(backoff.Next().TotalSeconds, 2, 4);
            Assert.InRange(backoff.Next().TotalSeconds, 2, 4);
        }
    }

    void IReflectorSink<ConfigMap>.Replace(ResourcePage<ConfigMap> all) => _told.Writer.TryWrite($"all {all.Items.Count}");

    void IReflectorSink<ConfigMap>.Apply(WatchEvent<ConfigMap> change) => _told.Writer.TryWrite($"{change.Type} {change.Item?.Metadata.Name}");

    void IReflectorSink<ConfigMap>.Watching() => _told.Writer.TryWrite("watching");

    void IReflectorSink<ConfigMap>.Failed(ApiException error) => _told.Writer.TryWrite($"failed {error.Failure}");

    private async Task<string> NextAsync() => await Soon.Ends(_told.Reader.ReadAsync().AsTask());

    private static ConfigMap Map(string name, string version) => new() { Metadata = new() { Namespace = "n", Name = name, Uid = name, ResourceVersion = version } };

    /// <summary>Always the middle: waits are three quarters of the whole.</summary>
    private sealed class Middle : Random
    {
        public override double NextDouble() => 0.5;
    }
}
