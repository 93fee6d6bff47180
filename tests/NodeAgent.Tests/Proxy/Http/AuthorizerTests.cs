using System.Collections.Immutable;
using System.Net;
using Culvert.Core;
using Culvert.NodeAgent.Proxy;
using Culvert.NodeAgent.Proxy.Http.Authorizers;
using Culvert.NodeAgent.Proxy.Model;
using Culvert.Protocol.ExternalAuthorization;
using Google.Protobuf;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;

namespace Culvert.NodeAgent.Tests.Proxy.Http;

/// <summary>External authorizers, asked about requests in all pairs of versions, by the servers' node and by the client's where that is the same.</summary>
[Trait("Category", "Attack")]
public sealed class AuthorizerTests
{
    private static readonly NamespacedName Policy = new("b", "ask");

    /// <summary>What clients speak, what servers do, and whether they are of the client's own node.</summary>
    public static TheoryData<HttpProtocols, HttpProtocols, bool> Places
    {
        get
        {
            TheoryData<HttpProtocols, HttpProtocols, bool> places = [];
            foreach (TheoryDataRow<HttpProtocols, HttpProtocols> row in RoutingTests.Versions)
            {
                places.Add(row.Data.Item1, row.Data.Item2, false);
                places.Add(row.Data.Item1, row.Data.Item2, true);
            }

            return places;
        }
    }

    [Theory]
    [MemberData(nameof(Places))]
    public async Task WhatItAllowsGoesOnAsItHasChangedIt(HttpProtocols client, HttpProtocols servers, bool isNear)
    {
        await using AuthorizerServer authorizer = await AuthorizerServer.StartGrpcAsync(_ => Task.FromResult(new CheckResponse
        {
            Status = new Status(),
            OkResponse = new OkHttpResponse { Headers = { Set("x-set", "ann") }, HeadersToRemove = { "x-secret" } },
        }));
        await using RoutingLab lab = await LabAsync(client, servers, isNear, authorizer, Grpc);
        for (int i = 0; i < 3; i++)
        {
            Assert.Equal("web GET shop /asked?b=c ann", await lab.GetAsync("/asked?b=c"));
            Assert.Equal("web POST shop /asked ann body", await PostAsync(lab, "/asked", new StringContent("body")));
            Assert.Equal("web GET shop /free", await lab.GetAsync("/free"));
        }

        Assert.Equal(6, authorizer.Asked.Count);
        AttributeContext asked = authorizer.Asked.First().Attributes;
        Assert.Equal(("GET", "/asked?b=c", "shop"), (asked.Request.Http.Method, asked.Request.Http.Path, asked.Request.Http.Host));
        Assert.Equal((ProxyPair.Alice, ProxyPair.Bob), (asked.Source.Principal, asked.Destination.Principal));
        Assert.All(Mesh(lab, isNear).AuthorizersAsked, a => Assert.Equal(("authz", AuthorizerResult.Allowed), a));
    }

    [Theory]
    [MemberData(nameof(Places))]
    public async Task WhatItDeniesIsAnsweredAsItSays(HttpProtocols client, HttpProtocols servers, bool isNear)
    {
        await using AuthorizerServer authorizer = await AuthorizerServer.StartGrpcAsync(_ => Task.FromResult(new CheckResponse
        {
            Status = new Status { Code = 7 },
            DeniedResponse = new DeniedHttpResponse { Status = new HttpStatus { Code = 401 }, Headers = { Set("www-authenticate", "Basic") }, Body = "who are you?" },
        }));
        await using RoutingLab lab = await LabAsync(client, servers, isNear, authorizer, Grpc);
        for (int i = 0; i < 3; i++)
        {
            using HttpResponseMessage response = await lab.Client.SendAsync(lab.Request(HttpMethod.Get, "/asked"));
            Assert.Equal((401, "culvert; error=http_request_denied; details=\"denied-by-authorizer: AuthorizationPolicy b/ask rule 0\""), RoutingLab.Of(response));
            Assert.Equal("Basic", response.Headers.WwwAuthenticate.Single().ToString());
            Assert.Equal("who are you?", await response.Content.ReadAsStringAsync());
            Assert.Equal("web GET shop /free", await lab.GetAsync("/free"));
        }

        Assert.Equal((DecisionReason.DeniedByAuthorizer, "GET shop /asked"), (Mesh(lab, isNear).Decided.First().Decision.Reason, Mesh(lab, isNear).Decided.First().Request));
        Assert.Equal(3, lab.Asked["web"]);
    }

    [Theory]
    [MemberData(nameof(Places))]
    public async Task OneOfHttpIsSentTheHead(HttpProtocols client, HttpProtocols servers, bool isNear)
    {
        await using AuthorizerServer authorizer = await AuthorizerServer.StartAsync(ExternalAuthorizerProtocol.Http, async context =>
        {
            bool isGood = context.Request.Headers.Authorization == "Basic good";
            context.Response.StatusCode = isGood ? 200 : 302;
            context.Response.Headers["x-set"] = $"{context.Request.Method} {context.Request.Host} {context.Request.Path}{context.Request.QueryString} {context.Request.Headers["x-set"]}".Trim();
            context.Response.Headers["x-other"] = "other";
            context.Response.Headers.Location = "/login";
            if (!isGood) await context.Response.WriteAsync("log in");
        });
        await using RoutingLab lab = await LabAsync(client, servers, isNear, authorizer, Http);
        for (int i = 0; i < 2; i++)
        {
            HttpRequestMessage good = lab.Request(HttpMethod.Put, "/asked?x");
            good.Headers.TryAddWithoutValidation("authorization", "Basic good");
            good.Headers.TryAddWithoutValidation("x-set", "forged");
            good.Content = new StringContent("body");
            using HttpResponseMessage passed = await lab.Client.SendAsync(good);
            Assert.Equal("web PUT shop /asked?x PUT shop /check/asked?x body", await passed.Content.ReadAsStringAsync());

            using HttpResponseMessage denied = await lab.Client.SendAsync(lab.Request(HttpMethod.Get, "/asked"));
            Assert.Equal((302, "/login", "log in"), ((int)denied.StatusCode, denied.Headers.Location?.ToString(), await denied.Content.ReadAsStringAsync()));
        }
    }

    [Theory]
    [MemberData(nameof(Places))]
    public async Task HeadersThatItSetsAreNotForClientsToSet(HttpProtocols client, HttpProtocols servers, bool isNear)
    {
        await using AuthorizerServer authorizer = await AuthorizerServer.StartAsync(ExternalAuthorizerProtocol.Http, _ => Task.CompletedTask);
        await using RoutingLab lab = await LabAsync(client, servers, isNear, authorizer, Http);
        foreach (string path in new[] { "/asked", "/free" })
        {
            HttpRequestMessage request = lab.Request(HttpMethod.Get, path);
            request.Headers.TryAddWithoutValidation("X-Set", "forged");
            using HttpResponseMessage response = await lab.Client.SendAsync(request);
            Assert.Equal($"web GET shop {path}", await response.Content.ReadAsStringAsync());
        }
    }

    [Theory]
    [MemberData(nameof(Places))]
    public async Task OneThatIsSlowOrGoneDeniesUnlessItIsSaidThatItAllows(HttpProtocols client, HttpProtocols servers, bool isNear)
    {
        TaskCompletionSource never = new();
        await using AuthorizerServer slow = await AuthorizerServer.StartAsync(ExternalAuthorizerProtocol.Http, _ => never.Task);
        foreach (ExternalAuthorizer declared in new[] { Http with { Timeout = TimeSpan.FromMilliseconds(100) }, Http with { Name = "gone" } })
        {
            await using RoutingLab lab = await LabAsync(client, servers, isNear, slow, declared);
            using HttpResponseMessage denied = await lab.Client.SendAsync(lab.Request(HttpMethod.Get, "/asked"));
            Assert.Equal((403, "culvert; error=http_request_denied; details=\"authorizer-failed: AuthorizationPolicy b/ask rule 0\""), RoutingLab.Of(denied));
            Assert.Equal(0, lab.Asked.GetValueOrDefault("web"));
            (Decision decision, string request) = Mesh(lab, isNear).Decided.First();
            Assert.Equal((DecisionReason.AuthorizerFailed, $"GET shop /asked: external authorizer {declared.Name}: {(declared.Name == "gone" ? "it was not reached" : "it did not answer in time")}"), (decision.Reason, request));
            Ask(lab, declared with { AllowsOnFailure = true });
            Assert.Equal("web GET shop /asked", await lab.GetAsync("/asked"));
        }

        never.SetResult();
    }

    [Theory]
    [MemberData(nameof(Places))]
    public async Task ManyAtOnceEachGetTheirOwnAnswer(HttpProtocols client, HttpProtocols servers, bool isNear)
    {
        await using AuthorizerServer authorizer = await AuthorizerServer.StartGrpcAsync(async check =>
        {
            int number = int.Parse(check.Attributes.Request.Http.Path.Split('/')[^1], System.Globalization.CultureInfo.InvariantCulture);
            await Task.Delay(number % 7);
            return number % 3 == 0
                ? new CheckResponse { Status = new Status { Code = 7 } }
                : new CheckResponse { OkResponse = new OkHttpResponse { Headers = { Set("x-set", $"n{number}") } } };
        });
        await using RoutingLab lab = await LabAsync(client, servers, isNear, authorizer, Grpc);
        await Task.WhenAll(Enumerable.Range(0, 200).Select(async number =>
        {
            HttpRequestMessage request = lab.Request(HttpMethod.Post, $"/asked/{number}");
            request.Content = new StringContent($"body {number}");
            using HttpResponseMessage response = await lab.Client.SendAsync(request);
            string body = await response.Content.ReadAsStringAsync();
            if (number % 3 == 0) Assert.Equal(403, (int)response.StatusCode);
            else Assert.Equal($"web POST shop /asked/{number} n{number} body {number}", body);
        }));
    }

    [Theory]
    [InlineData("garbage")]
    [InlineData("status 13")]
    [InlineData("status of HTTP")]
    [InlineData("forged header")]
    [InlineData("many headers")]
    [InlineData("long")]
    [InlineData("reset")]
    public async Task WhatIsNoAnswerAllowsNothing(string answer)
    {
        await using AuthorizerServer authorizer = await AuthorizerServer.StartAsync(ExternalAuthorizerProtocol.Grpc, async context =>
        {
            OkHttpResponse ok = new();
            if (answer == "forged header") ok.Headers.Add(Set("content-length", "5"));
            if (answer == "many headers") ok.Headers.AddRange(Enumerable.Range(0, 65).Select(i => Set($"x-{i}", "v")));
            if (answer == "long") ok.Headers.Add(Set("x-long", new string('x', 100_000)));
            byte[] message = answer == "garbage" ? [0x0a, 0xff, 0xff] : new CheckResponse { Status = new Status(), OkResponse = ok }.ToByteArray();
            if (answer == "status of HTTP") context.Response.StatusCode = 503;
            else if (answer == "reset") context.Abort();
            else await AuthorizerServer.AnswerAsync(context, message, answer == "status 13" ? "13" : "0");
        });
        await using RoutingLab lab = await LabAsync(HttpProtocols.Http1, HttpProtocols.Http1, isNear: false, authorizer, Grpc);
        using HttpResponseMessage response = await lab.Client.SendAsync(lab.Request(HttpMethod.Get, "/asked"));
        Assert.Equal(403, (int)response.StatusCode);
        Assert.Equal(0, lab.Asked.GetValueOrDefault("web"));
        Assert.Equal(Enumerable.Repeat(("authz", AuthorizerResult.Failed), answer == "reset" ? new AuthorizerLimits().MostTries : 1), lab.Pair.Destination.AuthorizersAsked);
        Assert.Equal(DecisionReason.AuthorizerFailed, Assert.Single(lab.Pair.Destination.Decided).Decision.Reason);
    }

    [Fact]
    public async Task WhereFailuresAreAllowedADenialThatIsTooLongIsOneAndAClientCannotMakeOne()
    {
        await using AuthorizerServer authorizer = await AuthorizerServer.StartAsync(ExternalAuthorizerProtocol.Http, async context =>
        {
            context.Response.StatusCode = 403;
            for (int i = 0; i < 70; i++) context.Response.Headers[$"x-{i}"] = "v";
            await context.Response.WriteAsync(new string('x', 20_000));
        });
        await using RoutingLab lab = await LabAsync(HttpProtocols.Http2, HttpProtocols.Http2, isNear: false, authorizer, Http with { AllowsOnFailure = true, RequestHeaders = ["cookie"] });
        using HttpResponseMessage denied = await lab.Client.SendAsync(lab.Request(HttpMethod.Get, "/asked"));
        Assert.Equal((403, ""), ((int)denied.StatusCode, await denied.Content.ReadAsStringAsync()));
        HttpRequestMessage large = lab.Request(HttpMethod.Get, "/asked"); // for HTTP/2, but not for the question
        large.Headers.TryAddWithoutValidation("cookie", new string('c', 20_000));
        using HttpResponseMessage refused = await lab.Client.SendAsync(large);
        Assert.Equal((403, "culvert; error=http_request_denied; details=\"authorizer-failed: AuthorizationPolicy b/ask rule 0\""), RoutingLab.Of(refused));
        Assert.Equal(0, lab.Asked.GetValueOrDefault("web"));
    }

    [Theory]
    [InlineData("body without an end")]
    [InlineData("long head")]
    [InlineData("changes without room")]
    public async Task WhereFailuresAreAllowedNoAnswerThatCannotBeReadPasses(string answer)
    {
        TaskCompletionSource never = new();
        await using AuthorizerServer authorizer = await AuthorizerServer.StartAsync(ExternalAuthorizerProtocol.Http, async context =>
        {
            context.Response.StatusCode = answer == "changes without room" ? 200 : 403;
            if (answer == "long head") context.Response.Headers["x-long"] = new string('x', 20_000);
            if (answer == "changes without room") context.Response.Headers["x-set"] = new string('x', 9_000);
            await context.Response.WriteAsync("some");
            await context.Response.Body.FlushAsync();
            if (answer == "body without an end") await never.Task;
        });
        await using RoutingLab lab = await LabAsync(HttpProtocols.Http1, HttpProtocols.Http1, isNear: false, authorizer, Http with { AllowsOnFailure = true, Timeout = TimeSpan.FromSeconds(1) });
        using HttpResponseMessage response = await lab.Client.SendAsync(lab.Request(HttpMethod.Get, "/asked"));
        Assert.Equal(403, (int)response.StatusCode);
        Assert.Equal(0, lab.Asked.GetValueOrDefault("web"));
        never.SetResult();
    }

    [Theory]
    [InlineData(ExternalAuthorizerProtocol.Http)]
    [InlineData(ExternalAuthorizerProtocol.Grpc)]
    public async Task OneThatBreaksOffIsAskedOnceMore(ExternalAuthorizerProtocol protocol)
    {
        int asked = 0;
        await using AuthorizerServer authorizer = await AuthorizerServer.StartAsync(protocol, async context =>
        {
            if (Interlocked.Increment(ref asked) % 2 == 1) context.Abort();
            else if (protocol == ExternalAuthorizerProtocol.Grpc) await AuthorizerServer.AnswerAsync(context, new CheckResponse().ToByteArray());
        });
        await using RoutingLab lab = await LabAsync(HttpProtocols.Http1, HttpProtocols.Http1, isNear: false, authorizer, Http with { Protocol = protocol });
        for (int i = 0; i < 3; i++) Assert.Equal("web GET shop /asked", await lab.GetAsync("/asked"));
        Assert.Equal(6, asked);
    }

    [Theory]
    [MemberData(nameof(Places))]
    public async Task HeadersThatItSetsAreNotForThoseToSetAboutWhomNobodyIsAsked(HttpProtocols client, HttpProtocols servers, bool isNear)
    {
        await using AuthorizerServer authorizer = await AuthorizerServer.StartAsync(ExternalAuthorizerProtocol.Http, _ => Task.CompletedTask);
        await using RoutingLab lab = await LabAsync(client, servers, isNear, authorizer, Http);
        lab.Pair.Source.Rules = lab.Pair.Destination.Rules = RulesOf(lab, Http, isItself: false, new PolicySource { Identities = [StringPattern.Parse("spiffe://td/others")] });
        await lab.RevalidateAsync();
        HttpRequestMessage request = lab.Request(HttpMethod.Get, "/asked");
        request.Headers.TryAddWithoutValidation("x_set", "forged");
        request.Headers.TryAddWithoutValidation("x.set", "forged");
        request.Headers.TryAddWithoutValidation("x-set", "forged");
        using HttpResponseMessage response = await lab.Client.SendAsync(request);
        Assert.Equal("web GET shop /asked", await response.Content.ReadAsStringAsync());
        Assert.Empty(Mesh(lab, isNear).AuthorizersAsked);
    }

    [Fact]
    public async Task OneThatIsNotDeclaredOrAskedAboutItselfAllowsNothing()
    {
        await using AuthorizerServer authorizer = await AuthorizerServer.StartAsync(ExternalAuthorizerProtocol.Http, _ => Task.CompletedTask);
        await using RoutingLab lab = await LabAsync(HttpProtocols.Http2, HttpProtocols.Http2, isNear: false, authorizer, Http);
        Assert.Equal("web GET shop /asked", await lab.GetAsync("/asked"));
        foreach (bool isItself in new[] { false, true })
        {
            lab.Pair.Destination.Rules = RulesOf(lab, isItself ? Http : null, isItself);
            await lab.RevalidateAsync();
            using HttpResponseMessage response = await lab.Client.SendAsync(lab.Request(HttpMethod.Get, "/asked"));
            Assert.Equal(403, (int)response.StatusCode);
        }

        Assert.Equal(
            ["GET shop /asked: there is no external authorizer authz", "GET shop /asked: an external authorizer is not asked about requests to one"], lab.Pair.Destination.Decided.Select(d => d.Request));
    }

    [Fact]
    public async Task ANamespaceHasNoMoreQuestionsOnTheirWayThanItsPart()
    {
        TaskCompletionSource never = new();
        await using AuthorizerServer authorizer = await AuthorizerServer.StartAsync(ExternalAuthorizerProtocol.Http, _ => never.Task);
        await using RoutingLab lab = await LabAsync(HttpProtocols.Http2, HttpProtocols.Http2, isNear: false, authorizer, Http with { Timeout = TimeSpan.FromSeconds(20) }, new AuthorizerLimits { MaxRunningOfNamespace = 2 });
        Task<HttpResponseMessage>[] waiting = [.. Enumerable.Range(0, 5).Select(_ => lab.Client.SendAsync(lab.Request(HttpMethod.Get, "/asked")))];
        for (int i = 0; i < 3; i++)
        {
            Task<HttpResponseMessage> first = await Task.WhenAny(waiting);
            Assert.Equal(403, (int)(await first).StatusCode);
            waiting = [.. waiting.Except([first])];
        }

        Assert.Equal("web GET shop /free", await lab.GetAsync("/free"));
        never.SetResult();
        foreach (Task<HttpResponseMessage> last in waiting) Assert.Equal(200, (int)(await last).StatusCode);
    }

    [Theory]
    [MemberData(nameof(Places))]
    public async Task AClientThatGoesAwayMeanwhileLeavesNothingBehind(HttpProtocols client, HttpProtocols servers, bool isNear)
    {
        TaskCompletionSource asked = new(), never = new();
        await using AuthorizerServer authorizer = await AuthorizerServer.StartAsync(ExternalAuthorizerProtocol.Http, context =>
        {
            asked.TrySetResult();
            return never.Task;
        });
        await using RoutingLab lab = await LabAsync(client, servers, isNear, authorizer, Http);
        using CancellationTokenSource cancel = new();
        Task<HttpResponseMessage> request = lab.Client.SendAsync(lab.Request(HttpMethod.Get, "/asked"), cancel.Token);
        await asked.Task.WaitAsync(TimeSpan.FromSeconds(20));
        await cancel.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => request);
        Assert.Equal("web GET shop /free", await lab.GetAsync("/free"));
        never.SetResult();
        Assert.Equal("web GET shop /asked", await lab.GetAsync("/asked"));
        Assert.Empty(Mesh(lab, isNear).Faults);
    }

    [Theory]
    [MemberData(nameof(Places))]
    public async Task WhatIsKeptIsOnlyForThoseThatItAllowsAndWhatTellsOfOneForNobodyElse(HttpProtocols client, HttpProtocols servers, bool isNear)
    {
        await using AuthorizerServer authorizer = await AuthorizerServer.StartGrpcAsync(request => Task.FromResult(request.Attributes.Request.Http.Headers["x-who"] is var who && who == "eve"
            ? new CheckResponse { Status = new Status { Code = 7 } }
            : new CheckResponse { Status = new Status(), OkResponse = new OkHttpResponse { Headers = { Set("x-set", who) } } }));
        await using RoutingLab lab = await LabAsync(client, servers, isNear, authorizer, Grpc);
        await lab.AddServerAsync("web", async context =>
        {
            context.Response.Headers.CacheControl = context.Request.Path == "/asked/all" ? "max-age=60, public" : "max-age=60";
            await context.Response.WriteAsync($"{context.Request.Headers["x-set"]}");
        });
        if (isNear) lab.BringNear();
        Mesh(lab, isNear).Caching = new ResponseCaching();
        await lab.RevalidateAsync();
        foreach ((string path, string who, string expected) in ((string, string, string)[])[("/asked/own", "ann", "ann"), ("/asked/own", "bea", "bea"), ("/asked/all", "ann", "ann"), ("/asked/all", "bea", "ann")])
        {
            using HttpResponseMessage response = await AskAsync(path, who);
            Assert.Equal(expected, await response.Content.ReadAsStringAsync());
            using HttpResponseMessage denied = await AskAsync(path, "eve");
            Assert.Equal(403, (int)denied.StatusCode);
        }

        Assert.Equal(8, authorizer.Asked.Count);

        Task<HttpResponseMessage> AskAsync(string path, string who)
        {
            HttpRequestMessage request = lab.Request(HttpMethod.Get, path);
            request.Headers.Add("x-who", who);
            return lab.Client.SendAsync(request);
        }
    }

    [Theory]
    [MemberData(nameof(RoutingTests.Versions), MemberType = typeof(RoutingTests))]
    public async Task WhileItIsAskedARequestGoesToNoFurtherBackend(HttpProtocols client, HttpProtocols servers)
    {
        TaskCompletionSource answer = new(TaskCreationOptions.RunContinuationsAsynchronously);
        await using AuthorizerServer authorizer = await AuthorizerServer.StartGrpcAsync(async _ =>
        {
            await answer.Task;
            return new CheckResponse { Status = new Status(), OkResponse = new OkHttpResponse() };
        });
        await using RoutingLab lab = await LabAsync(client, servers, isNear: true, authorizer, Grpc);
        await lab.AddServerAsync("other");
        lab.BringNear();
        lab.Group("web", new RequestSettings { Policy = new("b", "calm"), Hedging = new RequestHedging(TimeSpan.FromMilliseconds(20)) }, "web", "other");
        using HttpClient second = lab.MakeClient();
        Task<string> asked = lab.GetAsync("/asked");
        await lab.UntilAsync(() => authorizer.Asked.Count == 1);
        using HttpRequestMessage free = lab.Request(HttpMethod.Get, "/free"); // which comes later, and has a hedge
        free.Headers.Add("x-wait", "300");
        using HttpResponseMessage response = await second.SendAsync(free);
        Assert.Equal(200, (int)response.StatusCode);
        Assert.Single(lab.Pair.Source.Hedges);
        Assert.Equal((1, 1, 1), (lab.Asked["web"], lab.Asked["other"], authorizer.Asked.Count));
        answer.SetResult();
        Assert.EndsWith("GET shop /asked", await asked, StringComparison.Ordinal);
    }

    private static ExternalAuthorizer Grpc => new() { Name = "authz", Service = new("auth", "authz"), Port = 9191, Timeout = TimeSpan.FromSeconds(20) };

    private static ExternalAuthorizer Http => Grpc with { Protocol = ExternalAuthorizerProtocol.Http, PathPrefix = "/check", UpstreamHeaders = ["x-set"] };

    private static HeaderValueOption Set(string name, string value) => new() { Header = new() { Key = name, Value = value } };

    // The side that decides.
    private static FakeMesh Mesh(RoutingLab lab, bool isNear) => isNear ? lab.Pair.Source : lab.Pair.Destination;

    private static async Task<RoutingLab> LabAsync(HttpProtocols client, HttpProtocols servers, bool isNear, AuthorizerServer authorizer, ExternalAuthorizer declared, AuthorizerLimits? limits = null)
    {
        RoutingLab lab = new(client, servers, limits is null ? null : o => o with { Loops = 1, Http = o.Http with { Authorizers = limits } });
        await lab.AddServerAsync("web");
        if (isNear) lab.BringNear();
        Func<NamespacedName, ushort, OutboundRoute> others = lab.Pair.Source.Backend;
        lab.Pair.Source.Backend = (service, port) => service.Name == "authz" ? To(authorizer, declared) : others(service, port);
        lab.Pair.Destination.Backend = (_, _) => To(authorizer, declared);
        lab.Route(RoutingLab.Below("/", ("web", 1)));
        Ask(lab, declared);
        return lab;
    }

    private static OutboundRoute To(AuthorizerServer authorizer, ExternalAuthorizer declared) => declared.Name == "gone" ? OutboundRoute.Deny(ProxyFailure.NoBackend, "gone") : authorizer.Route;

    private static void Ask(RoutingLab lab, ExternalAuthorizer declared)
    {
        lab.Pair.Source.Rules = lab.Pair.Destination.Rules = RulesOf(lab, declared, isItself: false);
        lab.RevalidateAsync().GetAwaiter().GetResult();
    }

    private static RequestRules RulesOf(RoutingLab lab, ExternalAuthorizer? declared, bool isItself, params PolicySource[] from)
    {
        WorkloadInfo workload = lab.Pair.Destination.Local! with { PolicyNames = [Policy] };
        PolicyInfo policy = new()
        {
            Name = Policy,
            Action = PolicyAction.Custom,
            Authorizer = declared?.Name ?? "authz",
            Rules = [new PolicyRule { From = from.ToEquatableArray(), To = [new PolicyDestination { Protocol = TransportProtocol.Tcp, Request = GateLab.Paths("/asked/*", "/asked") }] }],
        };
        ServiceInfo behind = new() { Name = new("auth", "authz"), Ports = [new ServicePort { Port = 9191, Backends = isItself ? [new ServiceBackend(null, workload.Addresses[0], 80)] : [] }] };
        NodeSnapshot snapshot = new()
        {
            Mesh = new MeshSettings { ExternalAuthorizers = declared is null ? [] : [declared] },
            Policies = ImmutableDictionary<NamespacedName, PolicyInfo>.Empty.Add(Policy, policy),
            Services = ImmutableDictionary<NamespacedName, ServiceInfo>.Empty.Add(behind.Name, behind),
        };
        return RequestRules.Of(snapshot, new ConnectionRequest { SourceAddress = IPAddress.Loopback, SourceWorkload = null, Authenticated = false, Destination = workload, Port = 80, Protocol = TransportProtocol.Tcp, IsRead = true })!;
    }

    private static async Task<string> PostAsync(RoutingLab lab, string path, HttpContent content)
    {
        HttpRequestMessage request = lab.Request(HttpMethod.Post, path);
        request.Content = content;
        using HttpResponseMessage response = await lab.Client.SendAsync(request);
        return await response.Content.ReadAsStringAsync();
    }
}
