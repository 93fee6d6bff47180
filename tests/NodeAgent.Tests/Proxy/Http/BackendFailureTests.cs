using System.Collections.Concurrent;
using System.Net.Sockets;
using Culvert.Core;
using Culvert.NodeAgent.Proxy.Model;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
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
    public async Task HowLongAnswersTakeIsCountedWhereItIsAskedFor(HttpProtocols client, HttpProtocols servers)
    {
        await using RoutingLab lab = new(client, servers);
        await lab.AddServerAsync("web");
        PortRequests port = lab.Count(new RequestSettings { Policy = new("b", "quick"), Balancing = new RequestBalancing(RequestBalancingMode.LeastTime) }, "web");
        lab.Route(RoutingLab.Below("/", ("web", 1)));
        using (HttpRequestMessage request = lab.Request(HttpMethod.Get, "/"))
        {
            request.Headers.Add("x-wait", "60");
            Assert.Equal(200, RoutingLab.Of(await lab.Client.SendAsync(request)).Status);
        }

        await lab.UntilAsync(() => port.Running == 0);
        Assert.InRange(lab.Counted("web").ExpectedTime(0), 50_000, 20_000_000); // timers of servers are not exact
        Assert.Equal(0, lab.Counted("web").Running);
    }

    [Theory]
    [MemberData(nameof(Versions))]
    public async Task AClientIsGivenTheCookieThatItsBackendIsFoundBy(HttpProtocols client, HttpProtocols servers)
    {
        await using RoutingLab lab = new(client, servers);
        await lab.AddServerAsync("web", async context =>
        {
            context.Response.Headers.SetCookie = "of=server";
            await context.Response.WriteAsync("hello");
        });
        lab.GiveCookie("web", "s=1; Path=/; HttpOnly");
        lab.Route(RoutingLab.Below("/", ("web", 1)));
        using HttpResponseMessage response = await lab.Client.GetAsync(lab.Client.BaseAddress);
        Assert.Equal(["of=server", "s=1; Path=/; HttpOnly"], response.Headers.GetValues("set-cookie"));
        lab.GiveCookie("web", "of=proxy; Path=/; HttpOnly"); // which the server sets itself
        using HttpResponseMessage second = await lab.Client.GetAsync(lab.Client.BaseAddress);
        Assert.Equal(["of=server"], second.Headers.GetValues("set-cookie"));
    }

    [Theory]
    [MemberData(nameof(Versions))]
    public async Task RequestsThatAreMadeToFailReachNoServer(HttpProtocols client, HttpProtocols servers)
    {
        await using RoutingLab lab = new(client, servers);
        await lab.AddServerAsync("web");
        PortRequests port = lab.Count(EjectAtOnce with { Faults = new FaultInjection { AbortPercent = 100, AbortStatus = 529 } }, "web");
        lab.Route(RoutingLab.Below("/", ("web", 1)) with { Retry = new HttpRouteRetry(3, [529]) });
        using (HttpRequestMessage request = lab.Request(HttpMethod.Post, "/"))
        {
            request.Content = new StringContent("a body that nobody reads");
            Assert.Equal((529, "culvert; error=proxy_internal_response; details=\"fault-injected: TrafficPolicy b/calm has requests fail\""), RoutingLab.Of(await lab.Client.SendAsync(request)));
        }

        Assert.Equal((false, 0, false), (lab.Asked.ContainsKey("web"), port.Running, lab.Counted("web").IsOut));
        port.Settings = port.Settings with { Faults = new FaultInjection { AbortPercent = 30 } };
        int failed = 0;
        for (int i = 0; i < 300; i++)
        {
            using HttpResponseMessage response = await lab.Client.GetAsync(lab.Client.BaseAddress);
            if (RoutingLab.Of(response).Status == 503) failed++;
        }

        Assert.InRange(failed, 50, 130);
        Assert.Equal(300 - failed, lab.Asked["web"]);
    }

    [Theory]
    [MemberData(nameof(Versions))]
    public async Task RequestsThatAreMadeToWaitGoOnAfterIt(HttpProtocols client, HttpProtocols servers)
    {
        await using RoutingLab lab = new(client, servers);
        await lab.AddServerAsync("web");
        await lab.AddServerAsync("other");
        PortRequests port = lab.Count(new RequestSettings { Policy = new("b", "calm"), Faults = new FaultInjection { DelayPercent = 100, Delay = TimeSpan.FromMilliseconds(200), AbortPercent = 0 } }, "web");
        lab.Route(RoutingLab.Below("/short", ("web", 1)) with { RequestTimeout = TimeSpan.FromMilliseconds(50) }, RoutingLab.Below("/", ("web", 1)));
        long began = TimeProvider.System.GetTimestamp();
        using (HttpRequestMessage request = lab.Request(HttpMethod.Post, "/a"))
        {
            request.Content = new StringContent("body");
            using HttpResponseMessage response = await lab.Client.SendAsync(request);
            Assert.EndsWith("/a  body", await response.Content.ReadAsStringAsync(), StringComparison.Ordinal);
        }

        Assert.InRange(TimeProvider.System.GetElapsedTime(began).TotalMilliseconds, 200, 20_000);
        Assert.Equal((504, "culvert; error=http_response_timeout; details=\"the request took longer than its route allows\""), RoutingLab.Of(await lab.Client.GetAsync(new Uri("/short", UriKind.Relative))));
        Assert.Equal(1, lab.Asked["web"]);

        // Its route has changed while it waited.
        int asked = lab.Pair.Source.RoutesAsked;
        Task<string> waiting = lab.GetAsync("/b");
        await lab.UntilAsync(() => lab.Pair.Source.RoutesAsked > asked);
        lab.Route(RoutingLab.Below("/", ("other", 1)));
        Assert.StartsWith("other", await waiting, StringComparison.Ordinal);
        Assert.Equal(0, port.Running);
    }

    [Theory]
    [MemberData(nameof(Versions))]
    public async Task AClientThatGoesWhileItIsMadeToWaitLeavesNothing(HttpProtocols client, HttpProtocols servers)
    {
        await using RoutingLab lab = new(client, servers);
        await lab.AddServerAsync("web");
        PortRequests port = lab.Count(new RequestSettings { Policy = new("b", "calm"), Faults = new FaultInjection { DelayPercent = 100, Delay = TimeSpan.FromMilliseconds(100) } }, "web");
        lab.Route(RoutingLab.Below("/", ("web", 1)));
        using (CancellationTokenSource gone = new(TimeSpan.FromMilliseconds(30)))
        {
            await Assert.ThrowsAnyAsync<OperationCanceledException>(() => lab.Client.GetAsync(new Uri("/gone", UriKind.Relative), gone.Token));
        }

        Assert.StartsWith("web", await lab.GetAsync("/next"), StringComparison.Ordinal); // after a wait as long
        Assert.Equal((1, 0), (lab.Asked["web"], port.Running));
    }

    [Theory]
    [MemberData(nameof(Versions))]
    public async Task RequestsThatAreMadeToWaitAreAmongThoseAtOnceAndEndWithTheirClients(HttpProtocols client, HttpProtocols servers)
    {
        await using RoutingLab lab = new(client, servers);
        await lab.AddServerAsync("web");
        PortRequests port = lab.Count(new RequestSettings { Policy = new("b", "calm"), MaxRequests = 1, Faults = new FaultInjection { DelayPercent = 100, Delay = FaultInjection.LongestDelay } }, "web");
        lab.Route(RoutingLab.Below("/", ("web", 1)));
        using CancellationTokenSource gone = new();
        Task waiting = lab.Client.GetAsync(new Uri("/waits", UriKind.Relative), gone.Token);
        await lab.UntilAsync(() => port.Running == 1);
        Assert.Equal(503, RoutingLab.Of(await lab.Client.GetAsync(lab.Client.BaseAddress)).Status);
        await gone.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => waiting);
        await lab.UntilAsync(() => port.Running == 0);
    }

    [Theory]
    [MemberData(nameof(Versions))]
    public async Task WhatAFurtherTryMeetsDoesNotHaveItWait(HttpProtocols client, HttpProtocols servers)
    {
        await using RoutingLab lab = new(client, servers);
        await lab.AddServerAsync("bad");
        await lab.AddServerAsync("late");
        foreach (string name in new[] { "bad", "late" }) lab.Statuses[name] = 503;
        lab.Count(new RequestSettings { Policy = new("b", "calm") }, "bad");
        lab.Count(new RequestSettings { Policy = new("b", "late"), Faults = new FaultInjection { DelayPercent = 100, Delay = FaultInjection.LongestDelay, AbortPercent = 100, AbortStatus = 500 } }, "late");
        lab.Route(RoutingLab.Below("/", ("bad", 1)) with { Retry = new HttpRouteRetry(1, [503]) });
        Func<NamespacedName, ushort, OutboundRoute> find = lab.Pair.Source.Backend;
        int found = 0;
        lab.Pair.Source.Backend = (service, port) => find(found++ == 0 ? service : new("b", "late"), port);
        Assert.Equal(503, RoutingLab.Of(await lab.Client.GetAsync(lab.Client.BaseAddress)).Status);
        Assert.Equal((1, 1), (lab.Asked["bad"], lab.Asked["late"]));
    }

    [Theory]
    [MemberData(nameof(Versions))]
    public async Task WhatAFallbackAnswersCountsForIt(HttpProtocols client, HttpProtocols servers)
    {
        await using RoutingLab lab = new(client, servers);
        await lab.AddServerAsync("web");
        lab.Route(RoutingLab.Below("/", ("web", 1)));
        Func<NamespacedName, ushort, OutboundRoute> find = lab.Pair.Source.Backend;
        ServiceInfo backup = new() { Name = new("b", "backup") };
        lab.Pair.Source.Backend = (service, port) => find(service, port) is var route
            ? OutboundRoute.Tunnel(route.Dial, route.Target, route.Destination!, backup) with { ApplicationProtocol = route.ApplicationProtocol } : default;
        Assert.Equal(200, RoutingLab.Of(await lab.Client.GetAsync(lab.Client.BaseAddress)).Status);
        await lab.UntilAsync(() => !lab.Pair.Source.Backends.IsEmpty);
        Assert.Equal(["backup"], lab.Pair.Source.Backends);
    }

    [Theory]
    [MemberData(nameof(Versions))]
    public async Task AFailureThatIsBrokenOffIsOne(HttpProtocols client, HttpProtocols servers)
    {
        await using RoutingLab lab = new(client, servers);
        await lab.AddServerAsync("web", async context =>
        {
            context.Response.StatusCode = 503;
            context.Response.ContentLength = 1000;
            await context.Response.Body.WriteAsync(new byte[500]);
            await context.Response.Body.FlushAsync();
            context.Abort();
        });
        PortRequests port = lab.Count(EjectAtOnce with { Outliers = new OutlierDetection(2, TimeSpan.FromHours(1), 100) }, "web");
        lab.Route(RoutingLab.Below("/", ("web", 1)));
        foreach (bool isOut in new[] { false, true })
        {
            await Assert.ThrowsAnyAsync<HttpRequestException>(() => lab.Client.GetByteArrayAsync(lab.Client.BaseAddress));
            await lab.UntilAsync(() => port.Running == 0);
            Assert.Equal(isOut, lab.Counted("web").IsOut);
        }
    }

    [Fact]
    public async Task WhatAnUpgradeHasLedToIsAmongItsBackendsRequestsAndNotAmongThoseAtOnce()
    {
        await using RoutingLab lab = new(HttpProtocols.Http1, HttpProtocols.Http1);
        await lab.AddServerAsync("web", async context =>
        {
            context.Response.Headers.Upgrade = "chat";
            using Stream chat = await context.Features.Get<IHttpUpgradeFeature>()!.UpgradeAsync();
            await chat.CopyToAsync(chat);
        });
        PortRequests port = lab.Count(new RequestSettings { Policy = new("b", "quick"), Balancing = new RequestBalancing(RequestBalancingMode.LeastTime) }, "web");
        lab.Route(RoutingLab.Below("/", ("web", 1)));
        using (Socket chat = await lab.Pair.ConnectClientAsync())
        {
            await chat.SendAllAsync("GET /chat HTTP/1.1\r\nhost: shop\r\nupgrade: chat\r\nconnection: upgrade\r\n\r\n"u8.ToArray());
            byte[] head = new byte[12];
            await chat.ReceiveAsync(head);
            Assert.Equal("HTTP/1.1 101", System.Text.Encoding.ASCII.GetString(head));
            await lab.UntilAsync(() => port.Running == 0);
            Assert.Equal(1, lab.Counted("web").Running);
        }

        await lab.UntilAsync(() => lab.Counted("web").Running == 0);
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
