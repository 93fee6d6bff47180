using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using Culvert.Core;
using Culvert.NodeAgent.Proxy.Model;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;

namespace Culvert.NodeAgent.Tests.Proxy.Http;

/// <summary>Requests without an answer are sent to further backends, and one answer is the client's, in all pairs of versions.</summary>
public sealed class HedgingTests
{
    private static readonly RequestSettings Soon = new() { Policy = new("b", "calm"), Hedging = new RequestHedging(TimeSpan.FromMilliseconds(30)), Outliers = new OutlierDetection(1, TimeSpan.FromHours(1), 100) };

    private static readonly RequestSettings Late = Soon with { Hedging = new RequestHedging(RequestHedging.LongestDelay) };

    public static TheoryData<HttpProtocols, HttpProtocols> Versions => RoutingTests.Versions;

    [Theory]
    [MemberData(nameof(Versions))]
    public async Task ASlowBackendIsNotWaitedForAndItsRequestEnds(HttpProtocols client, HttpProtocols servers)
    {
        using HeldServer slow = new("slow");
        await using RoutingLab lab = new(client, servers);
        await lab.AddServerAsync("slow", slow.ServeAsync);
        await lab.AddServerAsync("fast");
        PortRequests port = Serve(lab, Soon with { Balancing = new RequestBalancing(RequestBalancingMode.LeastTime) }, "slow", "fast");
        for (int i = 1; i <= 3; i++)
        {
            Assert.Equal($"fast GET shop /{i}", await lab.GetAsync($"/{i}"));
            await slow.AbortedAsync();
        }

        await EndsAsync(lab, port, "slow", "fast");
        Assert.Equal((3, 3), (slow.Count, lab.Asked["fast"]));
        Assert.Equal([HedgeOutcome.Won, HedgeOutcome.Won, HedgeOutcome.Won], lab.Pair.Source.Hedges);
        Assert.Equal([(200, null), (200, null), (200, null)], lab.Pair.Source.Requests);
        Assert.Empty(lab.Pair.Source.Retries);
    }

    [Theory]
    [MemberData(nameof(Versions))]
    public async Task BackendsOfTheSameNodeAreHedgedAsWell(HttpProtocols client, HttpProtocols servers)
    {
        using HeldServer slow = new("slow");
        await using RoutingLab lab = new(client, servers);
        await lab.AddServerAsync("slow", slow.ServeAsync);
        await lab.AddServerAsync("fast");
        lab.BringNear();
        PortRequests port = Serve(lab, Soon, "slow", "fast");
        Assert.Equal("fast GET shop /", await lab.GetAsync("/"));
        await slow.AbortedAsync();
        await EndsAsync(lab, port, "slow", "fast");
    }

    [Theory]
    [MemberData(nameof(Versions))]
    public async Task ABackendThatAnswersInTimeIsAlone(HttpProtocols client, HttpProtocols servers)
    {
        await using RoutingLab lab = new(client, servers);
        await lab.AddServerAsync("web");
        await lab.AddServerAsync("other");
        PortRequests port = Serve(lab, Late, "web", "other");
        for (int i = 0; i < 5; i++) Assert.Equal("web GET shop /", await lab.GetAsync("/"));
        await EndsAsync(lab, port, "web", "other");
        Assert.False(lab.Asked.ContainsKey("other"));
        Assert.Empty(lab.Pair.Source.Hedges);
    }

    [Theory]
    [MemberData(nameof(Versions))]
    public async Task TheFirstMayStillAnswerFirst(HttpProtocols client, HttpProtocols servers)
    {
        using HeldServer first = new("first"), second = new("second");
        await using RoutingLab lab = new(client, servers);
        await lab.AddServerAsync("first", first.ServeAsync);
        await lab.AddServerAsync("second", second.ServeAsync);
        PortRequests port = Serve(lab, Soon, "first", "second");
        Task<string> answer = lab.GetAsync("/");
        await first.ArrivedAsync();
        await second.ArrivedAsync();
        Assert.Equal((2, 1, 1), (port.Running, lab.Counted("first").Running, lab.Counted("second").Running));
        first.Answer();
        Assert.Equal("first", await answer);
        await second.AbortedAsync();
        Assert.Equal("first", await lab.GetAsync("/")); // as if nothing had been
        await EndsAsync(lab, port, "first", "second");
        Assert.Equal([HedgeOutcome.Lost], lab.Pair.Source.Hedges);
    }

    [Theory]
    [MemberData(nameof(Versions))]
    public async Task AThirdIsAskedWhereTwoAreSlow(HttpProtocols client, HttpProtocols servers)
    {
        using HeldServer first = new("first"), second = new("second");
        await using RoutingLab lab = new(client, servers);
        await lab.AddServerAsync("first", first.ServeAsync);
        await lab.AddServerAsync("second", second.ServeAsync);
        await lab.AddServerAsync("third");
        await lab.AddServerAsync("fourth");
        PortRequests port = Serve(lab, Soon with { Hedging = Soon.Hedging! with { MaxTries = 3 } }, "first", "second", "third", "fourth");
        Assert.Equal("third GET shop /", await lab.GetAsync("/"));
        await first.AbortedAsync();
        await second.AbortedAsync();
        await EndsAsync(lab, port, "first", "second", "third");
        Assert.Equal([HedgeOutcome.Lost, HedgeOutcome.Won], lab.Pair.Source.Hedges.Order().Reverse());
        Assert.False(lab.Asked.ContainsKey("fourth"));
    }

    [Theory]
    [MemberData(nameof(Versions))]
    public async Task WhereAllFailTheClientIsToldSo(HttpProtocols client, HttpProtocols servers)
    {
        using HeldServer first = new("first"), second = new("second");
        await using RoutingLab lab = new(client, servers);
        await lab.AddServerAsync("first", first.ServeAsync);
        await lab.AddServerAsync("second", second.ServeAsync);
        PortRequests port = Serve(lab, Soon, "first", "second");
        lab.Route(RoutingLab.Below("/", ("web", 1)) with { Retry = new HttpRouteRetry(1, [502]) });
        Task<HttpResponseMessage> answer = lab.Client.GetAsync(lab.Client.BaseAddress);
        await first.ArrivedAsync();
        await second.ArrivedAsync();
        first.Answer(0);
        await lab.UntilAsync(() => lab.Counted("first").Running == 0);
        second.Answer(0);
        Assert.Equal(502, RoutingLab.Of(await answer).Status);
        await EndsAsync(lab, port, "first", "second", areWell: false);
        Assert.Contains(HedgeOutcome.Failed, lab.Pair.Source.Hedges);
        Assert.True(lab.Counted("first").IsOut && lab.Counted("second").IsOut);
    }

    [Theory]
    [MemberData(nameof(Versions))]
    public async Task AFirstThatFailsLeavesTheRequestToTheHedge(HttpProtocols client, HttpProtocols servers)
    {
        foreach (int failure in new[] { 503, 0 })
        {
            using HeldServer first = new("first"), second = new("second");
            await using RoutingLab lab = new(client, servers);
            await lab.AddServerAsync("first", first.ServeAsync);
            await lab.AddServerAsync("second", second.ServeAsync);
            PortRequests port = Serve(lab, Soon, "first", "second");
            lab.Route(RoutingLab.Below("/", ("web", 1)) with { Retry = new HttpRouteRetry(1, [502, 503]) }); // 502: what the proxy of a server says that breaks off
            Task<string> answer = lab.GetAsync("/");
            await first.ArrivedAsync();
            await second.ArrivedAsync();
            first.Answer(failure);
            await lab.UntilAsync(() => lab.Counted("first").Running == 0);
            second.Answer();
            Assert.Equal("second", await answer);
            await EndsAsync(lab, port, "second");
            Assert.Equal((1, 1, true), (first.Count, second.Count, lab.Counted("first").IsOut));
            Assert.Equal([HedgeOutcome.Won], lab.Pair.Source.Hedges);
        }
    }

    [Theory]
    [MemberData(nameof(Versions))]
    public async Task AHedgeThatFailsLeavesTheRequestToTheFirst(HttpProtocols client, HttpProtocols servers)
    {
        foreach (string failing in new[] { "bad", "dead" })
        {
            using HeldServer first = new("first");
            await using RoutingLab lab = new(client, servers);
            await lab.AddServerAsync("first", first.ServeAsync);
            await lab.AddServerAsync("bad");
            lab.Statuses["bad"] = 503;
            lab.AddBackend("dead", 1);
            PortRequests port = Serve(lab, Soon, "first", failing);
            lab.Route(RoutingLab.Below("/", ("web", 1)) with { Retry = new HttpRouteRetry(1, [503]) });
            Task<string> answer = lab.GetAsync("/");
            await lab.UntilAsync(() => !lab.Pair.Source.Hedges.IsEmpty);
            Assert.Equal((1, 0), (port.Running, lab.Counted(failing).Running));
            first.Answer();
            Assert.Equal("first", await answer);
            await EndsAsync(lab, port, "first");
            Assert.Equal((1, true), (first.Count, lab.Counted(failing).IsOut));
            Assert.Equal([HedgeOutcome.Failed], lab.Pair.Source.Hedges);
        }
    }

    [Theory]
    [MemberData(nameof(Versions))]
    public async Task AClientThatGivesUpEndsAll(HttpProtocols client, HttpProtocols servers)
    {
        using HeldServer first = new("first"), second = new("second");
        await using RoutingLab lab = new(client, servers);
        await lab.AddServerAsync("first", first.ServeAsync);
        await lab.AddServerAsync("second", second.ServeAsync);
        PortRequests port = Serve(lab, Soon, "first", "second");
        using SocketsHttpHandler handler = new()
        {
            ConnectCallback = async (_, _) =>
            {
                Socket socket = await lab.Pair.ConnectClientAsync();
                socket.LingerState = new LingerOption(true, 0); // of an end alone nobody knows that it is no longer waited for
                return new NetworkStream(socket, ownsSocket: true);
            },
        };
        using HttpMessageInvoker other = new(handler);
        using HttpRequestMessage request = new(HttpMethod.Get, "http://shop/") { Version = lab.Client.DefaultRequestVersion, VersionPolicy = HttpVersionPolicy.RequestVersionExact };
        using CancellationTokenSource gone = new();
        Task answer = other.SendAsync(request, gone.Token);
        await first.ArrivedAsync();
        await second.ArrivedAsync();
        await gone.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => answer);
        await first.AbortedAsync();
        await second.AbortedAsync();
        other.Dispose();
        await EndsAsync(lab, port, "first", "second");
        Assert.Equal([HedgeOutcome.Lost], lab.Pair.Source.Hedges);
    }

    [Theory]
    [MemberData(nameof(Versions))]
    public async Task WithoutABudgetThereIsNone(HttpProtocols client, HttpProtocols servers) =>
        await IsAloneAsync(client, servers, Soon with { Retries = new RetryBudget(0, 0) }, HedgeOutcome.NoBudget, "first", "second");

    [Theory]
    [MemberData(nameof(Versions))]
    public async Task WithoutAnotherBackendThereIsNone(HttpProtocols client, HttpProtocols servers) => await IsAloneAsync(client, servers, Soon, HedgeOutcome.NoBackend, "first");

    [Theory]
    [MemberData(nameof(Versions))]
    public async Task WithoutAPlaceThereIsNone(HttpProtocols client, HttpProtocols servers)
    {
        await IsAloneAsync(client, servers, Soon with { MaxRequests = 1 }, HedgeOutcome.NoRoom, "first", "second");
        await IsAloneAsync(client, servers, Soon with { MaxConnections = 1 }, HedgeOutcome.NoRoom, "first", "second");
    }

    [Theory]
    [MemberData(nameof(Versions))]
    public async Task RequestsThatDoSomethingHaveNone(HttpProtocols client, HttpProtocols servers)
    {
        using HeldServer first = new("first");
        await using RoutingLab lab = new(client, servers);
        await lab.AddServerAsync("first", first.ServeAsync);
        await lab.AddServerAsync("second");
        PortRequests port = Serve(lab, Soon, "first", "second");
        List<Task<HttpResponseMessage>> running = [];
        foreach (HttpMethod method in new[] { HttpMethod.Post, HttpMethod.Put, HttpMethod.Delete, HttpMethod.Get })
        {
            HttpRequestMessage request = lab.Request(method, "/does");
            if (method != HttpMethod.Delete) request.Content = new StringContent("a body");
            running.Add(lab.Client.SendAsync(request));
            await first.ArrivedAsync();
        }

        Assert.Equal("second GET shop /asks", await lab.GetAsync("/asks")); // which came later, and has one
        Assert.Equal(1, lab.Asked["second"]);
        first.Answer();
        foreach (Task<HttpResponseMessage> one in running) Assert.Equal("first", await (await one).Content.ReadAsStringAsync());
        await EndsAsync(lab, port, "first", "second");
        Assert.Equal([HedgeOutcome.Won], lab.Pair.Source.Hedges);
    }

    [Theory]
    [MemberData(nameof(Versions))]
    public async Task TheTimeOfATryAndOfTheRequestHold(HttpProtocols client, HttpProtocols servers)
    {
        using HeldServer first = new("first"), second = new("second");
        await using RoutingLab lab = new(client, servers);
        await lab.AddServerAsync("first", first.ServeAsync);
        await lab.AddServerAsync("second", second.ServeAsync);
        PortRequests port = Serve(lab, Soon, "first", "second");
        lab.Route(RoutingLab.Below("/try", ("web", 1)) with { BackendTimeout = TimeSpan.FromMilliseconds(200) }, RoutingLab.Below("/", ("web", 1)) with { RequestTimeout = TimeSpan.FromMilliseconds(200) });
        Assert.Equal((504, "culvert; error=http_response_timeout; details=\"the server took longer than the route allows\""), RoutingLab.Of(await lab.Client.GetAsync(new Uri("/try", UriKind.Relative))));
        await first.AbortedAsync();
        await second.AbortedAsync();
        await lab.UntilAsync(() => port.Running == 0);
        Assert.Equal([HedgeOutcome.Failed], lab.Pair.Source.Hedges);
        Assert.Equal((504, "culvert; error=http_response_timeout; details=\"the request took longer than its route allows\""), RoutingLab.Of(await lab.Client.GetAsync(lab.Client.BaseAddress)));
        await second.AbortedAsync();
        await lab.UntilAsync(() => port.Running == 0);
        Assert.Equal([HedgeOutcome.Failed, HedgeOutcome.Lost], lab.Pair.Source.Hedges);
    }

    [Theory]
    [MemberData(nameof(Versions))]
    public async Task TheAnswerOfAHedgeIsWhole(HttpProtocols client, HttpProtocols servers)
    {
        using HeldServer slow = new("slow");
        byte[] body = new byte[8 << 20];
        new Random(1).NextBytes(body);
        await using RoutingLab lab = new(client, servers);
        await lab.AddServerAsync("slow", slow.ServeAsync);
        await lab.AddServerAsync("fast", async context =>
        {
            if (context.Request.Path == "/sized") context.Response.ContentLength = body.Length;
            await context.Response.Body.WriteAsync(body);
        });
        PortRequests port = Serve(lab, Soon, "slow", "fast");
        foreach (string path in new[] { "/sized", "/unsized" })
        {
            byte[] received = await lab.Client.GetByteArrayAsync(new Uri(path, UriKind.Relative));
            Assert.Equal(SHA256.HashData(body), SHA256.HashData(received));
            await slow.AbortedAsync();
        }

        using HttpRequestMessage head = lab.Request(HttpMethod.Head, "/sized");
        using HttpResponseMessage answer = await lab.Client.SendAsync(head);
        Assert.Equal((HttpStatusCode.OK, body.Length), (answer.StatusCode, answer.Content.Headers.ContentLength));
        await EndsAsync(lab, port, "slow", "fast");
    }

    [Theory]
    [MemberData(nameof(Versions))]
    public async Task ManyAtOnceHaveEachItsOwn(HttpProtocols client, HttpProtocols servers)
    {
        using HeldServer slow = new("slow");
        await using RoutingLab lab = new(client, servers);
        await lab.AddServerAsync("slow", slow.ServeAsync);
        await lab.AddServerAsync("fast");
        PortRequests port = Serve(lab, Soon, "slow", "fast");
        await Task.WhenAll(Enumerable.Range(0, 40).Select(async i => Assert.Equal($"fast GET shop /{i}", await lab.GetAsync($"/{i}"))));
        for (int i = 0; i < 40; i++) await slow.AbortedAsync();
        await EndsAsync(lab, port, "slow", "fast");
        Assert.Equal((40, 40), (slow.Count, lab.Pair.Source.Hedges.Count(h => h == HedgeOutcome.Won)));
    }

    [Theory]
    [MemberData(nameof(Versions))]
    public async Task BackendsOfOneServiceMaySpeakBothVersions(HttpProtocols client, HttpProtocols servers)
    {
        using HeldServer slow = new("slow");
        await using RoutingLab lab = new(client, servers);
        await lab.AddServerAsync("slow", slow.ServeAsync);
        await lab.AddServerAsync("fast", version: servers == HttpProtocols.Http1 ? HttpProtocols.Http2 : HttpProtocols.Http1);
        lab.BringNear();
        PortRequests port = Serve(lab, Soon, "slow", "fast");
        for (int i = 0; i < 3; i++)
        {
            Assert.Equal("fast GET shop /", await lab.GetAsync("/"));
            await slow.AbortedAsync();
        }

        await EndsAsync(lab, port, "slow", "fast");
    }

    [Theory]
    [MemberData(nameof(Versions))]
    public async Task WhateverBackendsDoNothingIsMixedUpOrLeft(HttpProtocols client, HttpProtocols servers)
    {
        string[] names = ["a", "b", "c"];
        Random random = new(7);
        await using RoutingLab lab = new(client, servers);
        foreach (string name in names)
        {
            await lab.AddServerAsync(name, async context =>
            {
                int drawn;
                lock (random) drawn = random.Next(100);
                string path = context.Request.Path;
                if (drawn < 40) await Task.Delay(drawn, context.RequestAborted);
                if (drawn is > 30 and < 45)
                {
                    context.Abort();
                    return;
                }

                if (drawn is >= 45 and < 55) context.Response.StatusCode = 503;
                for (int i = 0; i < 50; i++) await context.Response.WriteAsync(path);
                if (drawn >= 97) context.Abort();
            });
        }

        RequestSettings settings = new() { Policy = new("b", "calm"), Hedging = new RequestHedging(TimeSpan.FromMilliseconds(3), 3), Balancing = new RequestBalancing(RequestBalancingMode.LeastTime) };
        PortRequests port = Serve(lab, settings, names);
        lab.Route(RoutingLab.Below("/", ("web", 1)) with { Retry = new HttpRouteRetry(2, [502, 503], TimeSpan.FromMilliseconds(1)), BackendTimeout = TimeSpan.FromMilliseconds(30) });
        int whole = 0;
        await Task.WhenAll(Enumerable.Range(0, 16).Select(async worker =>
        {
            for (int i = 0; i < 40; i++)
            {
                using CancellationTokenSource patience = new(i % 8 == 0 ? TimeSpan.FromMilliseconds(5) : TimeSpan.FromSeconds(30));
                string path = $"/{worker}/{i}";
                try
                {
                    using HttpResponseMessage response = await lab.Client.GetAsync(new Uri(path, UriKind.Relative), patience.Token);
                    string body = await response.Content.ReadAsStringAsync(patience.Token);
                    if (response.StatusCode != HttpStatusCode.OK) continue;
                    Assert.Equal(string.Concat(Enumerable.Repeat(path, 50)), body);
                    Interlocked.Increment(ref whole);
                }
                catch (Exception exception) when (exception is HttpRequestException or OperationCanceledException or IOException)
                {
                    // It was broken off, or given up.
                }
            }
        }));
        Assert.InRange(whole, 100, 640);
        Assert.Contains(HedgeOutcome.Won, lab.Pair.Source.Hedges);
        Assert.Contains(HedgeOutcome.Lost, lab.Pair.Source.Hedges);
        await EndsAsync(lab, port, names, areWell: false);
        Assert.Empty(lab.Pair.Source.Faults);
    }

    private static PortRequests Serve(RoutingLab lab, RequestSettings settings, params string[] backends)
    {
        PortRequests port = lab.Group("web", settings, backends);
        lab.Route(RoutingLab.Below("/", ("web", 1)));
        return port;
    }

    private static async Task IsAloneAsync(HttpProtocols client, HttpProtocols servers, RequestSettings settings, HedgeOutcome outcome, params string[] backends)
    {
        using HeldServer first = new("first");
        await using RoutingLab lab = new(client, servers);
        await lab.AddServerAsync("first", first.ServeAsync);
        await lab.AddServerAsync("second");
        PortRequests port = Serve(lab, settings, backends);
        Task<string> answer = lab.GetAsync("/");
        await lab.UntilAsync(() => !lab.Pair.Source.Hedges.IsEmpty);
        first.Answer();
        Assert.Equal("first", await answer);
        await EndsAsync(lab, port, backends);
        Assert.Equal([outcome], lab.Pair.Source.Hedges);
        Assert.False(lab.Asked.ContainsKey("second"));
    }

    // Nothing runs any more, nor waits, and nobody has a bad name for it.
    private static Task EndsAsync(RoutingLab lab, PortRequests port, params string[] backends) => EndsAsync(lab, port, backends, areWell: true);

    private static Task EndsAsync(RoutingLab lab, PortRequests port, string first, string second, bool areWell) => EndsAsync(lab, port, [first, second], areWell);

    private static async Task EndsAsync(RoutingLab lab, PortRequests port, string[] backends, bool areWell)
    {
        await lab.UntilAsync(() => port is { Running: 0, Pending: 0 } && backends.All(b => lab.Counted(b).Running == 0));
        lab.Client.Dispose();
        await lab.UntilAsync(() => backends.All(b => lab.LoadOf(b) == 0)); // connections that nobody uses do not count in HTTP/1.1; those of HTTP/2 end with their client
        if (areWell) Assert.All(backends, b => Assert.False(lab.Counted(b).IsOut));
    }
}
