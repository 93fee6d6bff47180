using Culvert.Core;
using Culvert.NodeAgent.Proxy.Model;
using static Culvert.NodeAgent.Tests.Proxy.Http.GateLab;
using static Culvert.NodeAgent.Tests.Proxy.Http.HttpLab;

namespace Culvert.NodeAgent.Tests.Proxy.Http;

/// <summary>Policy about requests of HTTP/1.1, when they come and when it changes.</summary>
public sealed class Http1GateTests
{
    private static readonly RequestRules? Public = Rules(PolicyAction.Allow, Paths("/public/*"));
    private static readonly RequestRules? NoAdmin = Rules(PolicyAction.Deny, Paths("/admin", "/admin/*"));

    [Fact]
    public async Task WhatPolicyAllowsPassesAndTheRestIsAnsweredWithTheReason()
    {
        await using HttpLab lab = await StartAsync(rules: Public);
        await lab.ExchangeAsync("GET /public/a?b=/private HTTP/1.1\r\nhost: x\r\n\r\n");
        await SayAsync(lab.Client, "GET /private?secret HTTP/1.1\r\nhost: x\r\n\r\n");
        await lab.AssertAnsweredAsync(403, "http_request_denied");
        Assert.Equal("", await RestAsync(lab.Server));
        (Decision decision, string request) = Assert.Single(lab.Mesh.Decided);
        Assert.Equal((DecisionReason.NoAllowMatched, "GET x /private"), (decision.Reason, request));
    }

    [Fact]
    public async Task TheAnswerNamesThePolicyThatDenies()
    {
        await using HttpLab lab = await StartAsync(rules: NoAdmin);
        await SayAsync(lab.Client, "GET /admin HTTP/1.1\r\nhost: x\r\n\r\n");
        Assert.Contains("details=\"policy-deny: AuthorizationPolicy demo/p rule 0\"", await RestAsync(lab.Client), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("/public/../admin/x")]
    [InlineData("/%61dmin")]
    [InlineData("/admin%2fx")]
    [InlineData("/admin;a//..")]
    [InlineData("//admin")]
    [InlineData("/admin;a=b/x")]
    [InlineData("/.//admin/")]
    [InlineData("/admi%6e/%3a")]
    [InlineData("http://x/admin/")]
    public async Task OtherWordsForAPathAreTheSamePath(string target)
    {
        await using HttpLab lab = await StartAsync(rules: NoAdmin);
        await SayAsync(lab.Client, $"GET {target} HTTP/1.1\r\nhost: x\r\n\r\n");
        await lab.AssertAnsweredAsync(403, "http_request_denied");
    }

    [Fact]
    public async Task TheServerGetsThePathThatPolicyHasSeen()
    {
        await using HttpLab lab = await StartAsync(rules: NoAdmin);
        await SayAsync(lab.Client, "GET /a/./b/../%7ec?d=/../e HTTP/1.1\r\nhost: x\r\n\r\n");
        await ExpectAsync(lab.Server, "GET /a/~c?d=/../e HTTP/1.1\r\nhost: x\r\n\r\n");
    }

    [Fact]
    public async Task ALongQueryStaysWithAShortPath()
    {
        await using HttpLab lab = await StartAsync(rules: NoAdmin);
        string query = new('a', 6000);
        await SayAsync(lab.Client, $"GET /./?{query} HTTP/1.1\r\nhost: x\r\n\r\n");
        await ExpectAsync(lab.Server, $"GET /?{query} HTTP/1.1\r\nhost: x\r\n\r\n");
    }

    [Fact]
    public async Task APathThatNobodyAsksAboutIsLeftAsItIs()
    {
        await using HttpLab lab = await StartAsync(rules: Rules(PolicyAction.Deny, new RequestConditions { Methods = ["PUT"] }));
        await SayAsync(lab.Client, "GET /a/../%7ec HTTP/1.1\r\nhost: x\r\n\r\n");
        await ExpectAsync(lab.Server, "GET /a/../%7ec HTTP/1.1\r\nhost: x\r\n\r\n");
    }

    [Theory]
    [InlineData("/../admin")]
    [InlineData("/a%00")]
    [InlineData("/a%4")]
    [InlineData("/x/..;/admin")]
    [InlineData("/x%2F..%2Fadmin")]
    public async Task APathThatIsNoneIsRefused(string target)
    {
        await using HttpLab lab = await StartAsync(rules: NoAdmin);
        await SayAsync(lab.Client, $"GET {target} HTTP/1.1\r\nhost: x\r\n\r\n");
        await lab.AssertAnsweredAsync(400, "http_request_error");
    }

    [Fact]
    public async Task EachRequestOfAConnectionIsAskedAbout()
    {
        await using HttpLab lab = await StartAsync(rules: NoAdmin);
        await SayAsync(lab.Client, "POST /a HTTP/1.1\r\nhost: x\r\ncontent-length: 21\r\n\r\nGET /b HTTP/1.1\r\n\r\n\r\nGET /admin HTTP/1.1\r\nhost: x\r\n\r\n");
        await ExpectAsync(lab.Server, "POST /a HTTP/1.1\r\nhost: x\r\ncontent-length: 21\r\n\r\nGET /b HTTP/1.1\r\n\r\n\r\n");
        await SayAsync(lab.Server, "HTTP/1.1 204 No Content\r\n\r\n");
        await ExpectAsync(lab.Client, "HTTP/1.1 204 No Content\r\n\r\n");
        await lab.AssertAnsweredAsync(403, "http_request_denied");
    }

    [Fact]
    public async Task WhatAuditMatchesPassesAndIsTold()
    {
        await using HttpLab lab = await StartAsync(rules: Rules(PolicyAction.Audit, Paths("/admin")));
        await lab.ExchangeAsync("GET /admin HTTP/1.1\r\nhost: x\r\n\r\n");
        await lab.ExchangeAsync();
        Assert.Equal((true, 1), (Assert.Single(lab.Mesh.Decided).Decision.IsAllowed, lab.Mesh.Decided.Single().Decision.AuditPolicies.Count));
    }

    [Fact]
    public async Task ARequestThatRunsEndsWhenPolicyForbidsIt()
    {
        await using HttpLab lab = await StartAsync();
        await SayAsync(lab.Client, "GET /admin HTTP/1.1\r\nhost: x\r\n\r\n");
        await ExpectAsync(lab.Server, "GET /admin HTTP/1.1\r\nhost: x\r\n\r\n");
        await lab.ChangeAsync(Rules(PolicyAction.Allow, Paths("/admin")));
        await SayAsync(lab.Server, "HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nab");
        await ExpectAsync(lab.Client, "HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nab");
        await lab.ChangeAsync(NoAdmin);
        Assert.Equal(ProxyFailure.PolicyChanged, await lab.EndAsync());
    }

    [Fact]
    public async Task AConnectionWithoutARequestThatRunsGoesOnUnderTheNewPolicy()
    {
        await using HttpLab lab = await StartAsync();
        await lab.ExchangeAsync("GET /admin HTTP/1.1\r\nhost: x\r\n\r\n");
        await lab.ChangeAsync(NoAdmin);
        await lab.ExchangeAsync();
        await SayAsync(lab.Client, "GET /admin HTTP/1.1\r\nhost: x\r\n\r\n");
        await lab.AssertAnsweredAsync(403, "http_request_denied");
    }

    [Fact]
    public async Task WhatAnUpgradeHasLedToEndsWithThePermissionForIt()
    {
        await using HttpLab lab = await StartAsync(rules: Public);
        await SayAsync(lab.Client, "GET /public/ws HTTP/1.1\r\nhost: x\r\nupgrade: websocket\r\nconnection: upgrade\r\n\r\n");
        await ExpectAsync(lab.Server, "GET /public/ws HTTP/1.1\r\nhost: x\r\nupgrade: websocket\r\nconnection: upgrade\r\n\r\n");
        await SayAsync(lab.Server, "HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\n\r\n");
        await ExpectAsync(lab.Client, "HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\n\r\n");
        await lab.ChangeAsync(Rules(PolicyAction.Allow, Paths("/public/ws")));
        await SayAsync(lab.Client, "hello");
        await ExpectAsync(lab.Server, "hello");
        await lab.ChangeAsync(Rules(PolicyAction.Allow, Paths("/public/other")));
        Assert.Equal(ProxyFailure.PolicyChanged, await lab.EndAsync());
    }
}
