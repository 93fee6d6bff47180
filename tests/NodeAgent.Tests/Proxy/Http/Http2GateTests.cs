using Culvert.Core;
using Culvert.Http2;
using Culvert.NodeAgent.Proxy.Model;
using static Culvert.NodeAgent.Tests.Proxy.Http.GateLab;

namespace Culvert.NodeAgent.Tests.Proxy.Http;

/// <summary>Policy about requests of HTTP/2 and gRPC, when they come and when it changes.</summary>
public sealed class Http2GateTests
{
    private static readonly RequestRules? NoAdmin = Rules(PolicyAction.Deny, Paths("/admin/*", "/pkg.Shop/Buy"));

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task WhatPolicyForbidsIsAnsweredAndTheConnectionGoesOn(bool isPortOfHttp1)
    {
        await using Http2Lab lab = await Http2Lab.StartAsync(isPortOfHttp1: isPortOfHttp1, rules: NoAdmin);
        await lab.ExchangeAsync();
        FarStream client = await lab.Client.AskAsync(":method GET\n:scheme http\n:authority shop\n:path /x/../admin/a?b", end: true);
        string answer = await client.NextAsync();
        Assert.StartsWith(":status 403\n", answer, StringComparison.Ordinal);
        Assert.Contains("proxy-status culvert; error=http_request_denied; details=\"policy-deny: AuthorizationPolicy demo/p rule 0\"", answer, StringComparison.Ordinal);
        await lab.ExchangeAsync();
        Assert.Equal([(200, null), (403, "http_request_denied"), (200, null)], lab.Mesh.Requests);
        Assert.Equal("GET shop /admin/a", Assert.Single(lab.Mesh.Decided).Request);
    }

    [Theory]
    [InlineData(":method GET\n:scheme http\n:path /a\nhost admin", 403)]
    [InlineData(":method GET\n:scheme http\n:authority ADMIN:80\n:path /a", 403)]
    [InlineData(":method GET\n:scheme http\n:path /a\nhost x\nhost admin", 400)]
    [InlineData(":method GET\n:scheme http\n:authority admin:1:1\n:path /a", 400)]
    [InlineData(":method GET\n:scheme http\n:authority admin#.x\n:path /a", 400)]
    [InlineData(":method GET\n:scheme http\n:path /a", 400)]
    [InlineData(":method GET\n:scheme x\n:authority y\n:path http://x/admin", 400)]
    [InlineData(":method GET\n:scheme http\n:authority y\n:path /a\tb", 400)]
    public async Task TheHostIsTheOneThatServersTakeAndWhatIsNoneIsRefused(string request, int status)
    {
        await using Http2Lab lab = await Http2Lab.StartAsync(rules: Rules(PolicyAction.Deny, new RequestConditions { Hosts = [StringPattern.Parse("admin")] }));
        FarStream client = await lab.Client.AskAsync(request, end: true);
        Assert.StartsWith($":status {status}\n", await client.NextAsync(), StringComparison.Ordinal);
        await lab.ExchangeAsync();
    }

    [Fact]
    public async Task WhatIsToldOfARequestIsBounded()
    {
        await using Http2Lab lab = await Http2Lab.StartAsync(rules: NoAdmin);
        FarStream client = await lab.Client.AskAsync($":method GET\n:scheme http\n:authority shop\n:path /admin/{new string('a', 5000)}", end: true);
        Assert.StartsWith(":status 403\n", await client.NextAsync(), StringComparison.Ordinal);
        Assert.InRange(Assert.Single(lab.Mesh.Decided).Request.Length, 200, 300);
    }

    [Fact]
    public async Task WhatWaitsIsAskedAboutBeforeItIsServed()
    {
        await using Http2Lab lab = await Http2Lab.StartAsync(ofServer: new Http2Options { MaxConcurrentStreams = 1 }, rules: Rules(PolicyAction.Deny, Paths("/nothing")));
        await lab.ExchangeAsync(); // its settings are known
        (FarStream running, FarStream answering) = await lab.AskAsync(Http2Lab.Grpc, end: true);
        FarStream waiting = await lab.Client.AskAsync(":method POST\n:scheme http\n:authority shop\n:path /admin/x", end: true);
        FarStream allowed = await lab.Client.AskAsync(Http2Lab.Get, end: true);
        await lab.ChangeAsync(NoAdmin);
        await running.ExpectAsync("(reset Cancel)");
        await waiting.ExpectAsync("(reset Cancel)");
        await answering.ExpectAsync("(reset Cancel)");
        FarStream served = await lab.Server.RequestAsync();
        await served.ExpectAsync($"{Http2Lab.Get}\n(end)");
        await served.SayAsync(Http2Lab.Ok, end: true);
        await allowed.ExpectAsync($"{Http2Lab.Ok}\n(end)");
    }

    [Fact]
    public async Task CallersOfGrpcAreToldByItsOwnStatus()
    {
        await using Http2Lab lab = await Http2Lab.StartAsync(rules: NoAdmin);
        FarStream client = await lab.Client.AskAsync(Http2Lab.Grpc, end: false);
        string answer = await client.NextAsync();
        Assert.StartsWith(":status 200\ncontent-type application/grpc\ngrpc-status 7\n", answer, StringComparison.Ordinal);
    }

    // As the controller compiles `grpc` of policies.
    [Fact]
    public async Task OneMethodOfAServiceIsRefusedAndAnotherPasses()
    {
        await using Http2Lab lab = await Http2Lab.StartAsync(rules: Rules(PolicyAction.Allow, Paths("/pkg.Shop/Look", "/pkg.Prices/*") with { Methods = ["POST"] }));
        FarStream refused = await lab.Client.AskAsync(Http2Lab.Grpc, end: true);
        Assert.StartsWith(":status 200\ncontent-type application/grpc\ngrpc-status 7\n", await refused.NextAsync(), StringComparison.Ordinal);
        (FarStream client, FarStream server) = await lab.AskAsync(Http2Lab.Grpc.Replace("/Buy", "/Look", StringComparison.Ordinal), end: true);
        await server.SayAsync(":status 200\ncontent-type application/grpc", end: false);
        await server.SayAsync("grpc-status 0", end: true);
        await client.ExpectAsync(":status 200\ncontent-type application/grpc", "grpc-status 0\n(end)");
    }

    [Fact]
    public async Task TheServerGetsThePathThatPolicyHasSeen()
    {
        await using Http2Lab lab = await Http2Lab.StartAsync(rules: NoAdmin);
        await lab.Client.AskAsync(":method GET\n:scheme http\n:authority shop\n:path /a/./%7eb?c=/../", end: true);
        await (await lab.Server.RequestAsync()).ExpectAsync(":method GET\n:scheme http\n:authority shop\n:path /a/~b?c=/../\n(end)");
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task RequestsThatRunEndWhenPolicyForbidsThemAndOthersGoOn(bool wasAsked)
    {
        await using Http2Lab lab = await Http2Lab.StartAsync(rules: wasAsked ? Rules(PolicyAction.Deny, Paths("/nothing")) : null);
        (FarStream asking, FarStream answering) = await lab.AskAsync(Http2Lab.Grpc, end: false);
        (FarStream other, FarStream otherAnswering) = await lab.AskAsync(Http2Lab.Post, end: false);
        await otherAnswering.SayAsync(Http2Lab.Ok, end: false);
        await lab.ChangeAsync(NoAdmin);
        await asking.ExpectAsync("(reset Cancel)");
        await answering.ExpectAsync("(reset Cancel)");
        await other.SendAsync("abc", end: true);
        await otherAnswering.ExpectAsync("abc", "(end)");
    }

    [Fact]
    public async Task RequestsWhoseHeadsThereWasNoRoomForEndWhenPolicyBeginsToAsk()
    {
        await using Http2Lab lab = await Http2Lab.StartAsync();
        string large = $"{Http2Lab.Post}\nx-large {new string('x', 30_000)}";
        List<(FarStream Client, FarStream Server)> running = [];
        for (int i = 0; i < 2; i++) running.Add(await lab.AskAsync(large, end: false)); // nearly 64 KiB
        (FarStream asking, FarStream answering) = await lab.AskAsync(large, end: false);
        await lab.ChangeAsync(NoAdmin);
        await answering.ExpectAsync("(reset Cancel)");
        await asking.ExpectAsync("(reset Cancel)");
        await running[0].Client.SendAsync("abc", end: true);
        await running[0].Server.ExpectAsync("abc", "(end)");
        Assert.Equal(ProxyFailure.None, lab.Relay.Failure);
    }
}
