using System.Threading.Channels;
using Culvert.Kubernetes.Client;
using Culvert.Kubernetes.Errors;
using Culvert.Kubernetes.Tests.Support;
using Culvert.Kubernetes.Watches;
using k8s.Models;

namespace Culvert.Kubernetes.Tests.Watches;

/// <summary>What a reflector asks for and when, by a clock of the test.</summary>
public sealed class ReflectorTests() : RunningReflector(new())
{
    [Fact]
    public async Task AWatchGoesOnWhereTheLastOneStood()
    {
        Client.NextList("5", Map("a", "3"));
        Channel<WatchEvent<V1ConfigMap>> first = Client.NextWatch();
        Assert.Null((await Client.AskedAsync()).ResourceVersion);
        Assert.Equal("5", (await Client.AskedAsync()).ResourceVersion);
        Assert.Equal(["all 1", "watching"], [await NextAsync(), await NextAsync()]);
        first.Writer.TryWrite(new(WatchEventType.Added, "6", Map("b", "6")));
        first.Writer.TryWrite(new(WatchEventType.Bookmark, "9", null));
        first.Writer.TryComplete();
        Assert.Equal("Added b", await NextAsync());
        Channel<WatchEvent<V1ConfigMap>> second = Client.NextWatch();
        var asked = Assert.IsType<WatchOptions>(await Client.AskedAsync());
        Assert.Equal("9", asked.ResourceVersion);
        Assert.Equal(TimeSpan.FromMinutes(7.5), asked.Timeout);
        second.Writer.TryComplete(new ApiException(ApiFailure.Unreachable, "cut"));
        Assert.Equal("watching", await NextAsync());
        Assert.Equal("failed Unreachable", await NextAsync());
        await Time.TimersAsync(1);
        Client.NextWatch();
        Time.Advance(TimeSpan.FromMilliseconds(600));
        Assert.Equal("9", (await Client.AskedAsync()).ResourceVersion);
    }

    [Fact]
    public async Task WhatIsNoLongerKeptIsListedAnewAtOnce()
    {
        Client.NextList("5", Map("a", "3"));
        Channel<WatchEvent<V1ConfigMap>> watch = Client.NextWatch();
        await Client.AskedAsync();
        await Client.AskedAsync();
        watch.Writer.TryComplete(new ApiException(ApiFailure.Expired, "too old"));
        ListOptions again = await Client.AskedAsync();
        Assert.IsNotType<WatchOptions>(again);
        Assert.Null(again.ResourceVersion);
        Client.NextList("20", Map("b", "12"));
        Assert.Equal("20", (await Client.AskedAsync()).ResourceVersion);
    }

    [Fact]
    public async Task EachFailureIsFollowedByALongerWaitUntilOneGoesWell()
    {
        foreach (double milliseconds in (double[])[600, 1200, 2400, 4800, 9600, 19200, 22500, 22500])
        {
            await Client.AskedAsync();
            Client.NextList(() => throw new ApiException(ApiFailure.Unavailable, "no"));
            Assert.Equal("failed Unavailable", await NextAsync());
            await Time.TimersAsync(1);
            Time.Advance(TimeSpan.FromMilliseconds(milliseconds - 1));
            Assert.Equal(1, Time.Timers);
            Time.Advance(TimeSpan.FromMilliseconds(1));
        }
        await Client.AskedAsync();
        Client.NextList("1");
        await Client.AskedAsync();
        Channel<WatchEvent<V1ConfigMap>> watch = Client.NextWatch();
        watch.Writer.TryWrite(new(WatchEventType.Bookmark, "2", null));
        watch.Writer.TryComplete(new ApiException(ApiFailure.Unavailable, "no"));
        Assert.Equal(["all 0", "watching", "failed Unavailable"], [await NextAsync(), await NextAsync(), await NextAsync()]);
        await Time.TimersAsync(1);
        Client.NextWatch();
        Time.Advance(TimeSpan.FromMilliseconds(600));
        Assert.Equal("2", (await Client.AskedAsync()).ResourceVersion);
    }

    [Fact]
    public async Task TheServersWaitIsTheLeast()
    {
        await Client.AskedAsync();
        Client.NextList(() => throw new ApiException(ApiFailure.TooManyRequests, "later") { RetryAfter = TimeSpan.FromSeconds(60) });
        await NextAsync();
        await Time.TimersAsync(1);
        Time.Advance(TimeSpan.FromSeconds(60));
        Assert.Equal(1, Time.Timers);
        Time.Advance(TimeSpan.FromSeconds(1));
        await Client.AskedAsync();
    }

    [Fact]
    public async Task AWatchThatEndsAtOnceIsNotBegunAgainAtOnce()
    {
        Client.NextList("5");
        Client.NextWatch().Writer.TryComplete();
        await Client.AskedAsync();
        await Client.AskedAsync();
        await Time.TimersAsync(1);
        Time.Advance(TimeSpan.FromMilliseconds(600));
        await Client.AskedAsync();
    }

    [Fact]
    public async Task AListWhosePagesExpireIsBegunAnewAndThenAskedForAtOnce()
    {
        for (int i = 0; i < 3; i++)
        {
            Client.NextList(() => new() { Items = [Map("a", "1")], ResourceVersion = "5", Continue = "c" });
            Client.NextList(() => throw new ApiException(ApiFailure.Expired, "too old"));
            Assert.Null((await Client.AskedAsync()).Continue);
            Assert.Equal("c", (await Client.AskedAsync()).Continue);
        }
        Assert.Equal(0, (await Client.AskedAsync()).Limit);
        Client.NextList("9", Map("a", "1"), Map("b", "1"));
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

    private static V1ConfigMap Map(string name, string version) => new() { Metadata = new() { NamespaceProperty = "n", Name = name, Uid = name, ResourceVersion = version } };
}
