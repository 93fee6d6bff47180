using System.Collections.Concurrent;
using System.Collections.Immutable;
using System.Net;
using Culvert.Core;
using Culvert.NodeAgent.Proxy;
using Culvert.NodeAgent.Proxy.Http.Authorizers;
using Culvert.NodeAgent.Proxy.Model;
using Culvert.Protocol.RateLimitService;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Code = Culvert.Protocol.RateLimitService.RateLimitResponse.Types.Code;
using HeaderValue = Culvert.Protocol.RateLimitService.HeaderValue;
using RateLimitDescriptor = Culvert.Core.RateLimitDescriptor;

namespace Culvert.NodeAgent.Tests.Proxy.Http;

/// <summary>Rate limit services, asked about requests in all pairs of versions, by the servers' node and by the client's where that is the same.</summary>
public sealed class LimitServiceTests
{
    /// <summary>What clients speak, what servers do, and whether they are of the client's own node.</summary>
    public static TheoryData<HttpProtocols, HttpProtocols, bool> Places => AuthorizerTests.Places;

    [Theory]
    [MemberData(nameof(Places))]
    public async Task WhatIsWithinTheLimitPassesAndWhatIsOverItIsAnsweredAsTheServiceSays(HttpProtocols client, HttpProtocols servers, bool isNear)
    {
        ConcurrentQueue<RateLimitRequest> asked = [];
        await using AuthorizerServer service = await StartAsync(question =>
        {
            asked.Enqueue(question);
            if (asked.Count <= 2) return new RateLimitResponse { OverallCode = Code.Ok, RequestHeadersToAdd = { new HeaderValue { Key = "X-Set", Value = "counted" } } };
            return new RateLimitResponse
            {
                OverallCode = Code.OverLimit,
                Statuses = { new RateLimitResponse.Types.DescriptorStatus { Code = Code.OverLimit, DurationUntilReset = new() { Seconds = 6, Nanos = 1 } } },
                ResponseHeadersToAdd = { new HeaderValue { Key = "x-ratelimit-limit", Value = "2" } },
                RawBody = ByteString.CopyFromUtf8("enough"),
            };
        });
        await using RoutingLab lab = await LabAsync(client, servers, isNear, service.Route, Global);
        for (int i = 0; i < 2; i++)
        {
            HttpRequestMessage request = lab.Request(HttpMethod.Post, "/asked?b=c");
            request.Headers.Add("x-tenant", "ann");
            request.Content = new StringContent("body");
            using HttpResponseMessage passed = await lab.Client.SendAsync(request);
            Assert.Equal("web POST shop /asked?b=c counted body", await passed.Content.ReadAsStringAsync());
            Assert.Equal("web GET shop /free", await lab.GetAsync("/free"));
        }

        for (int i = 0; i < 2; i++)
        {
            using HttpResponseMessage refused = await lab.Client.SendAsync(lab.Request(HttpMethod.Get, "/asked"));
            Assert.Equal((429, "culvert; error=http_request_denied; details=\"rate-limited: RateLimit b/few rule 0\""), RoutingLab.Of(refused));
            Assert.Equal(("2", "7", "enough"), (refused.Headers.GetValues("x-ratelimit-limit").Single(), refused.Headers.GetValues("retry-after").Single(), await refused.Content.ReadAsStringAsync()));
            Assert.Equal("web GET shop /free", await lab.GetAsync("/free"));
        }

        RateLimitRequest first = asked.First();
        Assert.Equal(("shop", 3u), (first.Domain, first.HitsAddend));
        Assert.Equal($"caller={ProxyPair.Alice} generic_key=orders|tenant=ann method=POST host=shop path=/asked", Describe(first));
        Assert.Equal($"caller={ProxyPair.Alice} generic_key=orders", Describe(asked.Last())); // without the header the other descriptor is not there
        Assert.Equal(2, Mesh(lab, isNear).Limited.Count);
        Assert.Equal([AuthorizerResult.Allowed, AuthorizerResult.Allowed, AuthorizerResult.Denied, AuthorizerResult.Denied], Mesh(lab, isNear).LimitServicesAsked.Select(a => a.Result));
        Assert.Equal(DecisionReason.RateLimited, Mesh(lab, isNear).Decided.First().Decision.Reason);
        Assert.Empty(Mesh(lab, isNear).Faults);
    }

    [Theory]
    [InlineData("gone", "it was not reached")]
    [InlineData("slow", "it did not answer in time")]
    [InlineData("reset", "it broke the connection off before it had answered")]
    [InlineData("404", "it answers with status 404 of HTTP")]
    [InlineData("unavailable", "it answers with status 14 of gRPC")]
    [InlineData("garbage", "its answer is no RateLimitResponse")]
    [InlineData("unframed", "its answer is not one plain message of gRPC")]
    [InlineData("long", "its answer is longer than 65536 bytes")]
    [InlineData("unknown", "its answer has the code 0, which is none")]
    [InlineData("host", "it has a header for the request that is none, or that may not be set")]
    public async Task OneThatIsSlowOrGoneOrSaysNonsenseLetsPassUnlessItIsSaidThatItRefuses(string fault, string reason)
    {
        TaskCompletionSource never = new();
        await using AuthorizerServer service = await AuthorizerServer.StartAsync(ExternalAuthorizerProtocol.Grpc, context => FailAsync(context, fault, never.Task));
        foreach (bool refuses in new[] { false, true })
        {
            GlobalRateLimit global = Global with { RefusesOnFailure = refuses, Timeout = TimeSpan.FromMilliseconds(fault == "slow" ? 100 : 20_000) };
            await using RoutingLab lab = await LabAsync(HttpProtocols.Http2, HttpProtocols.Http1, isNear: false, fault == "gone" ? OutboundRoute.Deny(ProxyFailure.NoBackend, "gone") : service.Route, global);
            using HttpResponseMessage response = await lab.Client.SendAsync(lab.Request(HttpMethod.Get, "/asked"));
            Assert.Equal(refuses ? (503, "culvert; error=http_request_denied; details=\"limit-service-failed: RateLimit b/few rule 0\"") : (200, ""), RoutingLab.Of(response));
            Assert.All(lab.Pair.Destination.LimitServicesAsked, a => Assert.Equal((AuthorizerResult.Failed, reason), a));
            Assert.NotEmpty(lab.Pair.Destination.LimitServicesAsked);
            Assert.Equal(refuses ? [(DecisionReason.LimitServiceFailed, $"GET shop /asked: rate limit service limits/ratelimit: {reason}")] : [], lab.Pair.Destination.Decided.Select(d => (d.Decision.Reason, d.Request)));
        }

        never.SetResult();
    }

    [Theory]
    [MemberData(nameof(RoutingTests.Versions), MemberType = typeof(RoutingTests))]
    public async Task WhatIsRefusedForItSaysNothingOfTheBackend(HttpProtocols client, HttpProtocols servers)
    {
        await using RoutingLab lab = await LabAsync(client, servers, isNear: true, OutboundRoute.Deny(ProxyFailure.NoBackend, "gone"), Global with { RefusesOnFailure = true });
        lab.Count(new RequestSettings { Policy = new("b", "calm"), Outliers = new OutlierDetection(1, TimeSpan.FromHours(1), 100) }, "web");
        using HttpResponseMessage response = await lab.Client.SendAsync(lab.Request(HttpMethod.Get, "/asked"));
        Assert.Equal(503, RoutingLab.Of(response).Status);
        Assert.Equal("web GET shop /free", await lab.GetAsync("/free"));
    }

    [Fact]
    public async Task WhatTheRuleItselfHasNoRoomForIsNotAskedAbout()
    {
        int asked = 0;
        await using AuthorizerServer service = await StartAsync(_ =>
        {
            asked++;
            return new RateLimitResponse { OverallCode = Code.Ok };
        });
        await using RoutingLab lab = await LabAsync(HttpProtocols.Http2, HttpProtocols.Http2, isNear: false, service.Route, Global, burst: 1);
        Assert.Equal("web GET shop /asked", await lab.GetAsync("/asked"));
        using HttpResponseMessage refused = await lab.Client.SendAsync(lab.Request(HttpMethod.Get, "/asked"));
        Assert.Equal((429, 1), ((int)refused.StatusCode, asked));
    }

    [Fact]
    public async Task NobodyIsAskedWhereNoDescriptorIsLeftOrTheRequestIsAQuestionItself()
    {
        await using AuthorizerServer service = await StartAsync(_ => throw new InvalidOperationException("nobody is to be asked"));
        GlobalRateLimit global = Global with { Descriptors = [new RateLimitDescriptor { Entries = [new RateLimitEntry { Key = "tenant", From = RateLimitValue.Header, Header = "x-tenant" }] }] };
        await using RoutingLab lab = await LabAsync(HttpProtocols.Http2, HttpProtocols.Http2, isNear: false, service.Route, global);
        Assert.Equal("web GET shop /asked", await lab.GetAsync("/asked"));
        HttpRequestMessage question = lab.Request(HttpMethod.Get, GlobalRateLimit.Path);
        question.Headers.Add("x-tenant", "ann");
        using HttpResponseMessage response = await lab.Client.SendAsync(question);
        Assert.Equal(200, (int)response.StatusCode);
        Assert.Empty(lab.Pair.Destination.LimitServicesAsked);
    }

    [Fact]
    public async Task WhereTooManyWaitForAnAnswerFurtherOnesAreRefusedWhateverIsSaidOfFailures()
    {
        TaskCompletionSource never = new();
        await using AuthorizerServer service = await AuthorizerServer.StartAsync(ExternalAuthorizerProtocol.Grpc, async context =>
        {
            await never.Task;
            await AuthorizerServer.AnswerAsync(context, new RateLimitResponse { OverallCode = Code.Ok }.ToByteArray());
        });
        await using RoutingLab lab = await LabAsync(HttpProtocols.Http2, HttpProtocols.Http2, isNear: false, service.Route, Global, limits: new AuthorizerLimits { MaxRunningOfNamespace = 2 });
        List<Task<HttpResponseMessage>> waiting = [.. Enumerable.Range(0, 5).Select(_ => lab.Client.SendAsync(lab.Request(HttpMethod.Get, "/asked")))];
        for (int i = 0; i < 3; i++)
        {
            Task<HttpResponseMessage> first = await Task.WhenAny(waiting);
            Assert.Equal((429, "culvert; error=http_request_denied; details=\"limit-service-failed: RateLimit b/few rule 0\""), RoutingLab.Of(await first));
            waiting.Remove(first);
        }

        never.SetResult();
        foreach (Task<HttpResponseMessage> last in waiting) Assert.Equal(200, (int)(await last).StatusCode);
    }

    [Theory]
    [InlineData(Code.Ok, false)]
    [InlineData(Code.Ok, true)]
    [InlineData(Code.OverLimit, false)]
    public async Task AnAnswerWithAQuotaHoldsForSoManyFurtherRequestsThatAreTheSame(Code code, bool isOfEach)
    {
        int asked = 0;
        await using AuthorizerServer service = await StartAsync(question =>
        {
            asked++;
            RateLimitResponse.Types.Quota quota = new() { Requests = 2, ValidUntil = Timestamp.FromDateTime(DateTime.UtcNow + TimeSpan.FromMinutes(5)) };
            RateLimitResponse answer = new() { OverallCode = code, Quota = isOfEach ? null : quota };
            if (isOfEach) answer.Statuses.Add(question.Descriptors.Select((_, i) => new RateLimitResponse.Types.DescriptorStatus { Code = code, Quota = new RateLimitResponse.Types.Quota(quota) { Requests = quota.Requests + (uint)i } }));
            return answer;
        });
        await using RoutingLab lab = await LabAsync(HttpProtocols.Http2, HttpProtocols.Http2, isNear: true, service.Route, Global);
        List<(int Status, int Asked)> answers = [];
        foreach (string tenant in (string[])["ann", "ann", "bob", "ann", "ann"])
        {
            HttpRequestMessage request = lab.Request(HttpMethod.Get, "/asked");
            request.Headers.Add("x-tenant", tenant);
            using HttpResponseMessage answer = await lab.Client.SendAsync(request);
            answers.Add(((int)answer.StatusCode, asked));
        }

        int status = code == Code.Ok ? 200 : 429;
        Assert.Equal([(status, 1), (status, 1), (status, 2), (status, 2), (status, 3)], answers);
        Assert.Equal(code == Code.Ok ? 0 : 5, lab.Pair.Source.Limited.Count);
    }

    [Theory]
    [InlineData(0u, 300)]
    [InlineData(9u, -1)]
    [InlineData(9u, null)]
    public async Task AQuotaThatIsNoneHasTheServiceAskedEachTime(uint requests, int? seconds)
    {
        int asked = 0;
        await using AuthorizerServer service = await StartAsync(_ =>
        {
            asked++;
            return new RateLimitResponse { OverallCode = Code.Ok, Quota = new() { Requests = requests, ValidUntil = seconds is { } s ? Timestamp.FromDateTime(DateTime.UtcNow + TimeSpan.FromSeconds(s)) : null } };
        });
        await using RoutingLab lab = await LabAsync(HttpProtocols.Http2, HttpProtocols.Http2, isNear: false, service.Route, Global);
        for (int i = 1; i <= 3; i++)
        {
            Assert.Equal("web GET shop /asked", await lab.GetAsync("/asked"));
            Assert.Equal(i, asked);
        }
    }

    [Fact]
    public void ThereIsRoomForSoManyQuotasOfANamespaceAndThoseThatAreOverMakeRoom()
    {
        ManualClock time = new();
        LimitQuotas quotas = new(new AuthorizerLimits { MaxQuotas = 3, MaxQuotasOfNamespace = 2, LongestQuota = TimeSpan.FromMinutes(1) }, time);
        LimitAnswer answer = LimitAnswer.Within([]) with { Quota = (5, time.GetUtcNow() + TimeSpan.FromHours(9)) };
        foreach ((int key, string ns) in ((int, string)[])[(1, "a"), (2, "a"), (3, "a"), (4, "b"), (5, "b")]) quotas.Keep((UInt128)key, ns, answer);
        Assert.Equal([true, true, false, true, false], Enumerable.Range(1, 5).Select(k => quotas.TryUse((UInt128)k) is not null));
        time.Advance(TimeSpan.FromMinutes(1)); // of nine hours
        quotas.Keep((UInt128)6, "a", LimitAnswer.Within([]) with { Quota = (5, time.GetUtcNow() + TimeSpan.FromSeconds(9)) });
        Assert.Equal(1, quotas.Count);
        Assert.Equal([false, true], new[] { 1, 6 }.Select(k => quotas.TryUse((UInt128)k) is not null));
    }

    private static GlobalRateLimit Global => new()
    {
        Service = new("limits", "ratelimit"),
        Port = 8081,
        Domain = "shop",
        Timeout = TimeSpan.FromSeconds(20),
        Hits = 3,
        Descriptors =
        [
            new RateLimitDescriptor { Entries = [new RateLimitEntry { Key = "caller", From = RateLimitValue.Identity }, new RateLimitEntry { Key = "generic_key", Value = "orders" }] },
            new RateLimitDescriptor
            {
                Entries =
                [
                    new RateLimitEntry { Key = "tenant", From = RateLimitValue.Header, Header = "x-tenant" }, new RateLimitEntry { Key = "method", From = RateLimitValue.Method },
                    new RateLimitEntry { Key = "host", From = RateLimitValue.Host }, new RateLimitEntry { Key = "path", From = RateLimitValue.Path },
                ],
            },
        ],
    };

    private static string Describe(RateLimitRequest request) => string.Join('|', request.Descriptors.Select(d => string.Join(' ', d.Entries.Select(e => $"{e.Key}={e.Value}"))));

    private static Task<AuthorizerServer> StartAsync(Func<RateLimitRequest, RateLimitResponse> answer) => AuthorizerServer.StartAsync(ExternalAuthorizerProtocol.Grpc, async context =>
    {
        Assert.Equal(GlobalRateLimit.Path, context.Request.Path);
        await AuthorizerServer.AnswerAsync(context, answer(RateLimitRequest.Parser.ParseFrom(await AuthorizerServer.MessageOfAsync(context))).ToByteArray());
    });

    private static async Task FailAsync(HttpContext context, string fault, Task never)
    {
        switch (fault)
        {
            case "slow":
                await never;
                break;
            case "reset":
                context.Abort();
                break;
            case "404":
                context.Response.StatusCode = 404;
                break;
            case "unavailable":
                await AuthorizerServer.AnswerAsync(context, [], status: "14");
                break;
            case "garbage":
                await AuthorizerServer.AnswerAsync(context, [0xff, 0xff, 0xff]);
                break;
            case "unframed":
                context.Response.ContentType = "application/grpc";
                await context.Response.WriteAsync("OK");
                context.Response.AppendTrailer("grpc-status", "0");
                break;
            case "long":
                await AuthorizerServer.AnswerAsync(context, new byte[100_000]);
                break;
            case "unknown":
                await AuthorizerServer.AnswerAsync(context, []);
                break;
            default:
                await AuthorizerServer.AnswerAsync(context, new RateLimitResponse { OverallCode = Code.Ok, RequestHeadersToAdd = { new HeaderValue { Key = "host", Value = "other" } } }.ToByteArray());
                break;
        }
    }

    // The side that decides.
    private static FakeMesh Mesh(RoutingLab lab, bool isNear) => isNear ? lab.Pair.Source : lab.Pair.Destination;

    private static async Task<RoutingLab> LabAsync(HttpProtocols client, HttpProtocols servers, bool isNear, OutboundRoute service, GlobalRateLimit global, int burst = 1000, AuthorizerLimits? limits = null)
    {
        RoutingLab lab = new(client, servers, o => o with { Loops = 1, Http = o.Http with { Authorizers = limits ?? o.Http.Authorizers } });
        await lab.AddServerAsync("web");
        if (isNear) lab.BringNear();
        Func<NamespacedName, ushort, OutboundRoute> others = lab.Pair.Source.Backend;
        lab.Pair.Source.Backend = (name, port) => name.Name == "ratelimit" ? service : others(name, port);
        lab.Pair.Destination.Backend = (_, _) => service;
        lab.Route(RoutingLab.Below("/", ("web", 1)));
        (isNear ? lab.Pair.Source : lab.Pair.Destination).Rules = LimitRules.Of(lab, "few", new RateLimit { Requests = 1, Seconds = 3600, Burst = burst, Global = global }, "/asked", GlobalRateLimit.Path);
        await lab.RevalidateAsync();

        return lab;
    }
}
