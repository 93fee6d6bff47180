using System.Collections.Immutable;
using System.Net;
using System.Net.Sockets;
using System.Text;
using Culvert.Core;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Answer = Culvert.NodeAgent.Tests.Proxy.Http.ResponseCacheTests.Answer;
using Lab = Culvert.NodeAgent.Tests.Proxy.Http.ResponseCacheTests.Lab;

namespace Culvert.NodeAgent.Tests.Proxy.Http;

/// <summary>Nobody gets a kept response whom policy would not let ask for it, or that somebody else has had made of what was asked.</summary>
[Trait("Category", "Attack")]
public sealed class ResponseCacheAttackTests
{
    /// <summary>What clients speak, what servers do, and whether they are of the client's own node.</summary>
    public static TheoryData<HttpProtocols, HttpProtocols, bool> Places => AuthorizerTests.Places;

    [Theory]
    [MemberData(nameof(Places))]
    public async Task WhoIsDeniedGetsNothingThatIsKept(HttpProtocols client, HttpProtocols servers, bool isNear)
    {
        await using Lab lab = await Lab.StartAsync(client, servers, isNear, "max-age=60, public");
        lab.Mesh.Rules = GateLab.Rules(PolicyAction.Deny, new RequestConditions { Headers = [new HeaderCondition { Name = "x-bad", Values = [StringPattern.Parse("*")] }] });
        await lab.Routing.RevalidateAsync();
        Assert.Equal("1 /a", (await lab.AskAsync("/a")).Body);
        Assert.Equal("1 /a", (await lab.AskAsync("/a")).Body);
        Answer denied = await lab.AskAsync("/a", fields: ("x-bad", "1"));
        Assert.Equal((403, null), (denied.Status, denied.CacheStatus));
        Assert.DoesNotContain("1 /a", denied.Body, StringComparison.Ordinal);
        lab.Mesh.Allowed = false;
        await lab.Routing.RevalidateAsync();
        Exception? failure = await Record.ExceptionAsync(async () => Assert.Equal(403, (await lab.AskAsync("/a")).Status));
        Assert.True(failure is null or HttpRequestException, failure?.ToString());
        Assert.Single(lab.Asked);
    }

    [Theory]
    [MemberData(nameof(Places))]
    public async Task RequestsThatAreAnsweredSoCountForLimits(HttpProtocols client, HttpProtocols servers, bool isNear)
    {
        await using Lab lab = await Lab.StartAsync(client, servers, isNear, "max-age=60");
        lab.Mesh.Rules = LimitRules.Of(lab.Routing, "few", new RateLimit { Requests = 2, Seconds = 3600, Burst = 2 }, "/a");
        await lab.Routing.RevalidateAsync();
        foreach (int status in (int[])[200, 200, 429]) Assert.Equal(status, (await lab.AskAsync("/a")).Status);
        Assert.Single(lab.Asked);
    }

    [Theory]
    [MemberData(nameof(Places))]
    public async Task WhatIsForSomebodyInParticularIsForNobodyElse(HttpProtocols client, HttpProtocols servers, bool isNear)
    {
        await using Lab lab = await Lab.StartAsync(client, servers, isNear, "max-age=60", application: context => context.Response.WriteAsync($"for {context.Request.Headers.Authorization}"));
        Assert.Equal("for Basic YW5u", (await lab.AskAsync("/a", fields: ("authorization", "Basic YW5u"))).Body);
        Assert.Equal("for Basic Ym9i", (await lab.AskAsync("/a", fields: ("authorization", "Basic Ym9i"))).Body);
        Assert.Equal("for ", (await lab.AskAsync("/a")).Body);
        Assert.Equal("for Basic YW5u", (await lab.AskAsync("/a", fields: ("authorization", "Basic YW5u"))).Body);
    }

    [Theory]
    [MemberData(nameof(Places))]
    public async Task WhereTokensAreLookedAtOnlyWhatSaysThatItIsForAllIsKept(HttpProtocols client, HttpProtocols servers, bool isNear)
    {
        string control = "max-age=60";
        await using Lab lab = await Lab.StartAsync(client, servers, isNear, "", application: async context =>
        {
            context.Response.Headers.CacheControl = control;
            await context.Response.WriteAsync("body");
        });
        lab.Mesh.Rules = RulesWithTokens(lab.Routing.Pair.Destination.Local!);
        await lab.Routing.RevalidateAsync();
        await lab.AskAsync("/a");
        await lab.AskAsync("/a");
        Assert.Equal(2, lab.Asked.Count);
        control = "max-age=60, public";
        await lab.AskAsync("/a");
        await lab.AskAsync("/a");
        Assert.Equal(3, lab.Asked.Count);
    }

    [Theory]
    [MemberData(nameof(Places))]
    public async Task WhereServersAreToldWhoAsksEachClientHasItsOwn(HttpProtocols client, HttpProtocols servers, bool isNear)
    {
        await using Lab lab = await Lab.StartAsync(client, servers, isNear, "max-age=60, public", application: context => context.Response.WriteAsync($"for {context.Request.Headers["x-forwarded-client-cert"]}"));
        for (int i = 0; i < 2; i++)
        {
            foreach (string who in (string[])["ann", "bea"])
            {
                lab.Mesh.Rules = RulesThatTell(lab.Routing.Pair.Destination.Local!, $"spiffe://cluster.local/ns/a/sa/{who}");
                await lab.Routing.RevalidateAsync();
                Assert.EndsWith($"/{who}", (await lab.AskAsync("/a", fields: ("x-forwarded-client-cert", "URI=spiffe://cluster.local/ns/a/sa/forged"))).Body, StringComparison.Ordinal);
            }
        }

        Assert.Equal(2, lab.Asked.Count);
    }

    [Theory]
    [MemberData(nameof(Places))]
    public async Task WhatApplicationsMakeLinksOfIsNotLeftToOthers(HttpProtocols client, HttpProtocols servers, bool isNear)
    {
        string[] names = ["x-forwarded-host", "x_forwarded_host", "x.forwarded.host", "x-forwarded-proto", "x-forwarded-prefix", "x-forwarded-port", "x-original-url", "x-rewrite-url", "x-host", "forwarded"];
        await using Lab lab = await Lab.StartAsync(client, servers, isNear, "max-age=60", application: context => context.Response.WriteAsync(string.Join(' ', names.Select(n => context.Request.Headers[n].ToString()))));
        foreach (string name in names)
        {
            Assert.Contains("evil", (await lab.AskAsync($"/{name}", fields: (name, "evil"))).Body, StringComparison.Ordinal);
            Assert.DoesNotContain("evil", (await lab.AskAsync($"/{name}")).Body, StringComparison.Ordinal);
            Assert.DoesNotContain("evil", (await lab.AskAsync($"/{name}")).Body, StringComparison.Ordinal);
        }

        Assert.Equal(names.Length * 2, lab.Asked.Count);
    }

    [Theory]
    [MemberData(nameof(Places))]
    public async Task AnswersToConditionsAreNotKept(HttpProtocols client, HttpProtocols servers, bool isNear)
    {
        await using Lab lab = await Lab.StartAsync(client, servers, isNear, "max-age=60", application: async context =>
        {
            if (context.Request.Headers.IfNoneMatch.Count > 0) context.Response.StatusCode = 304;
            else await context.Response.WriteAsync("body");
        });
        Assert.Equal(304, (await lab.AskAsync("/a", fields: ("if-none-match", "*"))).Status);
        Assert.Equal((200, "body"), ((await lab.AskAsync("/a")).Status, (await lab.AskAsync("/a")).Body));
    }

    [Theory]
    [InlineData("GET http://evil/a HTTP/1.1\r\nhost: shop\r\n\r\n")]
    [InlineData("GET /a HTTP/1.1\r\nhost: evil\r\n\r\n")]
    [InlineData("GET /a HTTP/1.1\r\nhost: shop\r\nhost: evil\r\n\r\n")]
    [InlineData("GET /a HTTP/1.1\r\nhost: shop\r\ncontent-length: 4\r\n\r\nevil")]
    [InlineData("GET /a HTTP/1.1\r\nhost: shop\r\nx-evil: 1\r\nx-evil: 2\r\n\r\n")]
    [InlineData("GET /./a HTTP/1.1\r\nhost: shop\r\n\r\n")]
    [InlineData("GET /a HTTP/1.1\r\nhost: shop\r\nupgrade: evil\r\nconnection: upgrade\r\n\r\n")]
    public async Task WhateverAClientMakesOfItsRequestOthersGetWhatTheyAskFor(string request)
    {
        await using Lab lab = await Lab.StartAsync(HttpProtocols.Http1, HttpProtocols.Http1, isNear: false, "max-age=60", application: async context =>
        {
            string body = await new StreamReader(context.Request.Body).ReadToEndAsync();
            if (context.Request.Headers["x-evil"].Count > 0) context.Response.Headers.CacheControl = new(["max-age=60", "no-store"]);
            await context.Response.WriteAsync($"{context.Request.Host} {body} {context.Request.Headers.Upgrade} {context.Request.Headers["x-evil"]}".Trim());
        });
        using (Socket socket = await lab.Routing.Pair.ConnectClientAsync())
        {
            await socket.SendAsync(Encoding.ASCII.GetBytes(request));
            byte[] room = new byte[4096];
            Assert.StartsWith("HTTP/1.1 ", Encoding.ASCII.GetString(room, 0, await socket.ReceiveAsync(room)), StringComparison.Ordinal);
        }

        Assert.Equal("shop", (await lab.AskAsync("/a")).Body);
        Assert.StartsWith("culvert; hit", (await lab.AskAsync("/a")).CacheStatus, StringComparison.Ordinal);
    }

    private static RequestRules? RulesThatTell(WorkloadInfo destination, string identity) => RequestRules.Of(
        new NodeSnapshot { Mesh = new MeshSettings { ForwardClientCert = ForwardClientCert.SanitizeSet }, Policies = ImmutableDictionary<NamespacedName, PolicyInfo>.Empty },
        new ConnectionRequest { SourceAddress = IPAddress.Loopback, SourceWorkload = null, SourceIdentity = SpiffeId.Parse(identity), Authenticated = true, Destination = destination, Port = 80, Protocol = TransportProtocol.Tcp, IsRead = true });

    // Requests without a token pass.
    private static RequestRules RulesWithTokens(WorkloadInfo destination)
    {
        NamespacedName name = new("b", "tokens");
        WorkloadInfo workload = destination with { RequestAuthenticationNames = [name] };
        RequestAuthenticationInfo tokens = new() { Name = name, Rules = [new JwtRule { Issuer = "https://issuer.example.org", Keys = [], Headers = [new("authorization", "Bearer ")] }] };
        NodeSnapshot snapshot = new() { RequestAuthentications = ImmutableDictionary<NamespacedName, RequestAuthenticationInfo>.Empty.Add(name, tokens) };
        return RequestRules.Of(snapshot, new ConnectionRequest { SourceAddress = IPAddress.Loopback, SourceWorkload = null, Authenticated = false, Destination = workload, Port = 80, Protocol = TransportProtocol.Tcp, IsRead = true })!;
    }
}
