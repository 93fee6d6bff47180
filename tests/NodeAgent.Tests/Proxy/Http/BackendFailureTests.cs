using System.Collections.Concurrent;
using Culvert.Core;
using Culvert.NodeAgent.Proxy.Model;
using Microsoft.AspNetCore.Server.Kestrel.Core;

namespace Culvert.NodeAgent.Tests.Proxy.Http;

/// <summary>What holds for requests to a Service port: how tries are counted by the proxy, in both versions of HTTP.</summary>
public sealed class BackendFailureTests
{
    private static readonly RequestSettings EjectAtOnce = new() { Policy = new("b", "calm"), Outliers = new OutlierDetection(1, TimeSpan.FromHours(1), 100) };

    public static TheoryData<HttpProtocols, HttpProtocols> Versions => RoutingTests.Versions;

    [Theory]
    [MemberData(nameof(Versions))]
    public async Task RequestsBeyondTheMostAreAnsweredAndTheOthersGoOn(HttpProtocols client, HttpProtocols servers)
    {
        await using RoutingLab lab = new(client, servers);
        ConcurrentQueue<TaskCompletionSource> waiting = [];
        using SemaphoreSlim arrived = new(0);
        await lab.AddServerAsync("web", async context =>
        {
            TaskCompletionSource turn = new(TaskCreationOptions.RunContinuationsAsynchronously);
            waiting.Enqueue(turn);
            arrived.Release();
            await turn.Task;
        });
        PortRequests port = lab.Count(new RequestSettings { Policy = new("b", "calm"), MaxRequests = 2 }, "web");
        lab.Route(RoutingLab.Below("/", ("web", 1)));
        Task<HttpResponseMessage>[] running = [lab.Client.GetAsync(lab.Client.BaseAddress), lab.Client.GetAsync(lab.Client.BaseAddress)];
        foreach (Task<HttpResponseMessage> _ in running) Assert.True(await arrived.WaitAsync(TimeSpan.FromSeconds(10)));
        Assert.Equal(
            (503, "culvert; error=connection_limit_reached; details=\"overflow: Service b/shop has as many requests of this node as TrafficPolicy b/calm allows at once\""),
            RoutingLab.Of(await lab.Client.GetAsync(lab.Client.BaseAddress)));
        Assert.Equal(2, port.Running);
        while (waiting.TryDequeue(out TaskCompletionSource? turn)) turn.SetResult();
        foreach (Task<HttpResponseMessage> one in running) Assert.Equal(200, RoutingLab.Of(await one).Status);
        await lab.UntilAsync(() => port.Running == 0);
    }

    [Theory]
    [MemberData(nameof(Versions))]
    public async Task ErrorsOfEveryKindCount(HttpProtocols client, HttpProtocols servers)
    {
        await using RoutingLab lab = new(client, servers);
        await lab.AddServerAsync("web");
        lab.AddBackend("dead", 1);
        PortRequests port = lab.Count(EjectAtOnce, "web", "dead");
        lab.Route(RoutingLab.Below("/dead", ("dead", 1)), RoutingLab.Below("/late", ("web", 1)) with { BackendTimeout = TimeSpan.FromMilliseconds(100) }, RoutingLab.Below("/", ("web", 1)));
        await Expect(200, "/", null, isOut: false);
        await Expect(404, "/", r => lab.Statuses["web"] = 404, isOut: false);
        await Expect(501, "/", r => lab.Statuses["web"] = 501, isOut: false); // a client could ask for it
        await Expect(503, "/", r => lab.Statuses["web"] = 503, isOut: true);
        lab.Statuses.Clear();
        await Expect(504, "/late", r => r.Headers.Add("x-wait", "20000"), isOut: true);
        await Expect(503, "/dead", null, isOut: true);
        await Expect(null, "/", r => r.Headers.Add("x-fail", "1"), isOut: true);
        await lab.UntilAsync(() => port.Running == 0);

        async Task Expect(int? status, string path, Action<HttpRequestMessage>? change, bool isOut)
        {
            BackendRequests backend = lab.CountAnew(path == "/dead" ? "dead" : "web");
            using HttpRequestMessage request = lab.Request(HttpMethod.Post, path); // which nobody repeats
            change?.Invoke(request);
            if (status is { } expected) Assert.Equal(expected, RoutingLab.Of(await lab.Client.SendAsync(request)).Status);
            else await Record.ExceptionAsync(() => lab.Client.SendAsync(request));
            await lab.UntilAsync(() => backend.Port.Running == 0);
            Assert.Equal((path, isOut), (path, backend.IsOut));
        }
    }

    [Theory]
    [MemberData(nameof(Versions))]
    public async Task AResponseThatIsBrokenOffCounts(HttpProtocols client, HttpProtocols servers)
    {
        await using RoutingLab lab = new(client, servers);
        await lab.AddServerAsync("web", async context =>
        {
            context.Response.ContentLength = 1000;
            await context.Response.Body.WriteAsync(new byte[500]);
            await context.Response.Body.FlushAsync();
            context.Abort();
        });
        PortRequests port = lab.Count(EjectAtOnce, "web");
        lab.Route(RoutingLab.Below("/", ("web", 1)));
        await Assert.ThrowsAnyAsync<HttpRequestException>(() => lab.GetAsync("/"));
        await lab.UntilAsync(() => port.Running == 0);
        Assert.True(lab.Counted("web").IsOut);
    }

    [Theory]
    [InlineData(HttpProtocols.Http2, HttpProtocols.Http2)]
    [InlineData(HttpProtocols.Http1, HttpProtocols.Http2)]
    [InlineData(HttpProtocols.Http2, HttpProtocols.Http1)]
    public async Task CallsOfGrpcCountByWhatTheyEndWith(HttpProtocols client, HttpProtocols servers)
    {
        await using RoutingLab lab = new(client, servers);
        await lab.AddGrpcServerAsync("web");
        lab.Count(EjectAtOnce, "web");
        lab.Route(RoutingLab.Below("/", ("web", 1)));
        foreach (string good in new[] { "0", "1", "3", "5", "6", "7", "8", "9", "10", "11", "12", "16", "17", "x" }) await Expect(good, isOut: false);
        foreach (string bad in new[] { "2", "4", "13", "14", "15" }) await Expect(bad, isOut: true);
        await Expect("4", isOut: false, call => call.Headers.Add("grpc-timeout", "1S")); // the caller's own deadline
        await Expect("14", isOut: false, call => call.Content!.Headers.ContentType = new("application/grpc-web")); // no call, but one of HTTP

        async Task Expect(string status, bool isOut, Action<HttpRequestMessage>? change = null)
        {
            BackendRequests backend = lab.CountAnew("web");
            using HttpRequestMessage call = lab.Call(status);
            change?.Invoke(call);
            using HttpResponseMessage response = await lab.Client.SendAsync(call);
            await lab.UntilAsync(() => backend.Port.Running == 0);
            Assert.Equal((status, isOut), (status, backend.IsOut));
        }
    }

    // The head of an answer that goes on says nothing: it must not break the row before the trailers come.
    [Theory]
    [InlineData("14", true)]
    [InlineData("0", false)]
    public async Task CallsThatFailInARowCountTogether(string status, bool isOut)
    {
        await using RoutingLab lab = new(HttpProtocols.Http2, HttpProtocols.Http2);
        await lab.AddGrpcServerAsync("web");
        PortRequests port = lab.Count(EjectAtOnce with { Outliers = new OutlierDetection(3, TimeSpan.FromHours(1), 100) }, "web");
        lab.Route(RoutingLab.Below("/", ("web", 1)));
        foreach (string one in new[] { "14", status, "14" })
        {
            using HttpRequestMessage call = lab.Call(one);
            using HttpResponseMessage response = await lab.Client.SendAsync(call);
            await lab.UntilAsync(() => port.Running == 0);
        }

        Assert.Equal(isOut, lab.Counted("web").IsOut);
    }

    [Theory]
    [MemberData(nameof(Versions))]
    public async Task WhatOthersThanTheOwnerFindTooLongDoesNotCount(HttpProtocols client, HttpProtocols servers)
    {
        await using RoutingLab lab = new(client, servers);
        await lab.AddServerAsync("web");
        PortRequests port = lab.Count(EjectAtOnce, "web");
        HttpRouteRule rule = RoutingLab.Below("/", ("web", 1)) with { BackendTimeout = TimeSpan.FromMilliseconds(100), RequestTimeout = TimeSpan.FromSeconds(10) };
        lab.Pair.Source.Routes = new HttpRouteTable([new HttpRouteInfo { Name = new("others", "shop"), Kind = HttpRouteKind.Http, Rules = [rule] }]);
        using HttpRequestMessage request = lab.Request(HttpMethod.Get, "/");
        request.Headers.Add("x-wait", "20000");
        Assert.Equal(504, RoutingLab.Of(await lab.Client.SendAsync(request)).Status);
        await lab.UntilAsync(() => port.Running == 0);
        Assert.False(lab.Counted("web").IsOut);
    }

    [Theory]
    [MemberData(nameof(Versions))]
    public async Task AClientThatGivesUpSaysNothingOfTheBackend(HttpProtocols client, HttpProtocols servers)
    {
        await using RoutingLab lab = new(client, servers);
        TaskCompletionSource arrived = new(TaskCreationOptions.RunContinuationsAsynchronously), answer = new(TaskCreationOptions.RunContinuationsAsynchronously);
        await lab.AddServerAsync("web", async context =>
        {
            arrived.SetResult();
            await answer.Task;
        });
        PortRequests port = lab.Count(EjectAtOnce, "web");
        lab.Route(RoutingLab.Below("/", ("web", 1)));
        using CancellationTokenSource giveUp = new();
        Task request = lab.Client.GetAsync(lab.Client.BaseAddress, giveUp.Token);
        await arrived.Task;
        Assert.Equal(1, port.Running);
        await giveUp.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => request);
        answer.SetResult(); // a client of HTTP/1.1 that has ended its direction is waited for
        await lab.UntilAsync(() => port.Running == 0);
        Assert.False(lab.Counted("web").IsOut);
    }

    [Theory]
    [MemberData(nameof(Versions))]
    public async Task RepetitionsEndWithTheirBudget(HttpProtocols client, HttpProtocols servers)
    {
        await using RoutingLab lab = new(client, servers);
        await lab.AddServerAsync("bad");
        lab.Statuses["bad"] = 503;
        PortRequests port = lab.Count(new RequestSettings { Policy = new("b", "calm"), Retries = new RetryBudget(50, 0) }, "bad");
        lab.Route(RoutingLab.Below("/", ("bad", 1)) with { Retry = new HttpRouteRetry(5, [503]) });
        for (int i = 0; i < 20; i++) Assert.Equal((503, ""), RoutingLab.Of(await lab.Client.GetAsync(lab.Client.BaseAddress)));
        Assert.InRange(lab.Asked["bad"], 29, 30); // fewer if ten seconds have passed meanwhile
        await lab.UntilAsync(() => port.Running == 0);
        Assert.Equal(lab.Asked["bad"] - 20, lab.Pair.Source.Retries.Count(r => r == RetryOutcome.Failed));
        Assert.Equal(20, lab.Pair.Source.Retries.Count(r => r == RetryOutcome.NoBudget));
    }
}
