using Culvert.Core;
using Culvert.NodeAgent.Proxy.Model;
using static Culvert.NodeAgent.Tests.Proxy.Http.GateLab;

namespace Culvert.NodeAgent.Tests.Proxy.Http;

/// <summary>Policy about requests of HTTP/2 and gRPC, when they come and when it changes.</summary>
public sealed class Http2GateTests
{
    private static readonly RequestRules? NoAdmin = Rules(PolicyAction.Deny, Paths("/admin/*", "/pkg.Shop/Buy"));

    [Fact]
    public async Task WhatPolicyForbidsIsAnsweredAndTheConnectionGoesOn()
    {
        await using Http2Lab lab = await Http2Lab.StartAsync(rules: NoAdmin);
        await lab.ExchangeAsync();
        FarStream client = await lab.Client.AskAsync(":method GET\n:scheme http\n:authority shop\n:path /x/../admin/a?b", end: true);
        string answer = await client.NextAsync();
        Assert.StartsWith(":status 403\n", answer, StringComparison.Ordinal);
        Assert.Contains("proxy-status culvert; error=http_request_denied; details=\"policy-deny: AuthorizationPolicy demo/p rule 0\"", answer, StringComparison.Ordinal);
        await lab.ExchangeAsync();
        Assert.Equal([(200, null), (403, "http_request_denied"), (200, null)], lab.Mesh.Requests);
        Assert.Equal("GET shop /admin/a", Assert.Single(lab.Mesh.Decided).Request);
    }

    [Fact]
    public async Task CallersOfGrpcAreToldByItsOwnStatus()
    {
        await using Http2Lab lab = await Http2Lab.StartAsync(rules: NoAdmin);
        FarStream client = await lab.Client.AskAsync(Http2Lab.Grpc, end: false);
        string answer = await client.NextAsync();
        Assert.StartsWith(":status 200\ncontent-type application/grpc\ngrpc-status 7\n", answer, StringComparison.Ordinal);
    }

    [Fact]
    public async Task TheServerGetsThePathThatPolicyHasSeen()
    {
        await using Http2Lab lab = await Http2Lab.StartAsync(rules: NoAdmin);
        await lab.Client.AskAsync(":method GET\n:scheme http\n:authority shop\n:path /a/./%7eb?c=/../", end: true);
        await (await lab.Server.RequestAsync()).ExpectAsync(":method GET\n:scheme http\n:authority shop\n:path /a/~b?c=/../\n(end)");
    }

    [Fact]
    public async Task RequestsThatRunEndWhenPolicyForbidsThemAndOthersGoOn()
    {
        await using Http2Lab lab = await Http2Lab.StartAsync(rules: Rules(PolicyAction.Deny, Paths("/nothing")));
        (FarStream asking, FarStream answering) = await lab.AskAsync(Http2Lab.Grpc, end: false);
        (FarStream other, FarStream otherAnswering) = await lab.AskAsync(Http2Lab.Post, end: false);
        await lab.ChangeAsync(NoAdmin);
        await asking.ExpectAsync("(reset Cancel)");
        await answering.ExpectAsync("(reset Cancel)");
        await other.SendAsync("abc", end: true);
        await otherAnswering.ExpectAsync("abc", "(end)");
    }

    [Fact]
    public async Task RequestsThatNobodyHasAskedAboutEndWhenPolicyBeginsTo()
    {
        await using Http2Lab lab = await Http2Lab.StartAsync();
        (FarStream asking, FarStream answering) = await lab.AskAsync(Http2Lab.Post, end: false);
        await lab.ChangeAsync(rules: null);
        await asking.SendAsync("abc", end: false);
        await lab.ChangeAsync(NoAdmin);
        await answering.ExpectAsync("abc", "(reset Cancel)");
        await asking.ExpectAsync("(reset Cancel)");
        await lab.ExchangeAsync();
        Assert.Equal(ProxyFailure.None, lab.Relay.Failure);
    }
}
