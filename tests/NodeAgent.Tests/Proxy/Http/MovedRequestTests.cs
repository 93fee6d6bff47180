using System.Net;
using Culvert.Core;
using Culvert.NodeAgent.Proxy.Model;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;

namespace Culvert.NodeAgent.Tests.Proxy.Http;

/// <summary>Requests of HTTP/2 for which their connection has no stream, and that go by another to the same server, at a node that decides about them.</summary>
public sealed class MovedRequestTests : IAsyncLifetime
{
    // What Kestrel takes by a connection.
    private const int StreamsOfOne = 100;

    private readonly RoutingLab _lab = new(HttpProtocols.Http2, HttpProtocols.Http2, o => o with { Loops = 1 });
    private readonly TaskCompletionSource _end = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private PortRequests _port = null!;
    private Task<string>[] _held = [];
    private int _arrived;

    [Fact]
    public async Task PolicyThatOnlyTheOtherConnectionKnowsHoldsForThem()
    {
        await HoldAsync();
        _lab.Pair.Source.Rules = GateLab.Rules(PolicyAction.Deny, GateLab.Paths("/secret")); // the first connection is not told
        Task<string> allowed = _lab.GetAsync("/free"), denied = _lab.GetAsync("/secret");
        Assert.Equal("/free", await allowed);
        await Assert.ThrowsAsync<HttpRequestException>(() => denied);
        await EndAsync(connections: 2);
    }

    [Fact]
    public async Task ThoseThatADelayHeldAreNotAskedAboutAgain()
    {
        _lab.Pair.Source.Rules = LimitRules.Of(_lab, "slow", new RateLimit { Requests = 2, Seconds = 1, Burst = 2, DelayAfter = 1 }, "/slow");
        Assert.Equal("/slow", await _lab.GetAsync("/slow"));
        await HoldAsync();
        Task<string> waiting = _lab.GetAsync("/slow");
        await _lab.UntilAsync(() => _lab.Pair.Source.Delayed.Count == 1);
        Assert.Equal((1, 0), (_port.ConnectionLimit.Count, _port.Pending));
        Assert.Equal("/slow", await waiting);
        Assert.Single(_lab.Pair.Source.Delayed);
        await EndAsync(connections: 2);
    }

    /// <inheritdoc/>
    public async ValueTask InitializeAsync()
    {
        await _lab.AddServerAsync("web", async context =>
        {
            if (context.Request.Path == "/held")
            {
                Interlocked.Increment(ref _arrived);
                await _end.Task;
            }

            await context.Response.WriteAsync(context.Request.Path);
        });
        _lab.BringNear();
        _port = _lab.Count(new RequestSettings { Policy = new("b", "calm") }, "web");
        _lab.Route(RoutingLab.Below("/", ("web", 1)));
    }

    /// <inheritdoc/>
    public ValueTask DisposeAsync() => _lab.DisposeAsync();

    // All streams that there are.
    private async Task HoldAsync()
    {
        _held = [.. Enumerable.Range(0, StreamsOfOne).Select(_ => _lab.GetAsync("/held"))];
        await _lab.UntilAsync(() => Volatile.Read(ref _arrived) == StreamsOfOne);
        Assert.Equal(1, _port.ConnectionLimit.Count);
    }

    private async Task EndAsync(int connections)
    {
        Assert.Equal(connections, _port.ConnectionLimit.Count);
        _end.SetResult();
        Assert.All(await Task.WhenAll(_held), path => Assert.Equal("/held", path));
        Assert.Empty(_lab.Pair.Source.Faults);
    }
}
