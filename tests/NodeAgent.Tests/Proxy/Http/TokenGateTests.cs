using System.Buffers.Text;
using System.Collections.Immutable;
using System.Net;
using System.Security.Cryptography;
using System.Text;
using Culvert.Core;
using Culvert.Http2;
using static Culvert.NodeAgent.Tests.Proxy.Http.HttpLab;

namespace Culvert.NodeAgent.Tests.Proxy.Http;

/// <summary>Tokens of requests through both relays: what is refused, what policy makes of them, and what servers get.</summary>
[Trait("Category", "Attack")]
public sealed class TokenGateTests
{
    private const string Issuer = "https://issuer.example.org";

    private static readonly ECDsa Key = ECDsa.Create(ECCurve.NamedCurves.nistP256);

    private static readonly JwtRule Rule = new()
    {
        Issuer = Issuer,
        Keys = [new JwtKey { Algorithms = [JwtAlgorithm.ES256], PublicKey = Key.ExportSubjectPublicKeyInfo().ToEquatableArray() }],
        Headers = [new("authorization", "Bearer ")],
        Parameters = ["access_token"],
        ClaimHeaders = [new("x-sub", "sub")],
    };

    private static readonly PolicyRule OfAnn = new() { From = [new PolicySource { Token = new() { Principals = [StringPattern.Parse($"{Issuer}/ann")] } }], To = [new PolicyDestination { Protocol = TransportProtocol.Tcp }] };

    private static readonly PolicyRule ByHeader = new() { To = [new PolicyDestination { Protocol = TransportProtocol.Tcp, Request = new() { Headers = [new() { Name = "x-sub", Values = [StringPattern.Parse("ann")] }] } }] };

    [Fact]
    public async Task AGoodTokenIsRemovedAndItsClaimsAreTold()
    {
        await using HttpLab lab = await StartAsync(rules: Rules(Rule, OfAnn));
        await SayAsync(lab.Client, $"GET /a?b=c HTTP/1.1\r\nhost: x\r\nx-sub: root\r\nAuthorization: Bearer {Token("ann")}\r\naccept: y\r\n\r\n");
        await ExpectAsync(lab.Server, "GET /a?b=c HTTP/1.1\r\nhost: x\r\naccept: y\r\nx-sub: ann\r\n\r\n");
        Assert.Equal((Issuer, JwtError.None), Assert.Single(lab.Mesh.Tokens));
    }

    [Theory]
    [InlineData("/?access_token={0}", "/")]
    [InlineData("/a/./b?x=1&access%5Ftoken={0}&y", "/a/./b?x=1&y")]
    public async Task ATokenInTheQueryIsRemovedFromThere(string sent, string got)
    {
        await using HttpLab lab = await StartAsync(rules: Rules(Rule, OfAnn));
        await SayAsync(lab.Client, $"GET {sent.Replace("{0}", Token("ann"), StringComparison.Ordinal)} HTTP/1.1\r\nhost: x\r\n\r\n");
        await ExpectAsync(lab.Server, $"GET {got} HTTP/1.1\r\nhost: x\r\nx-sub: ann\r\n\r\n");
    }

    [Fact]
    public async Task ATokenIsPassedOnWhereThatIsSaid()
    {
        await using HttpLab lab = await StartAsync(rules: Rules(Rule with { ForwardsToken = true }));
        string token = Token("ann");
        await SayAsync(lab.Client, $"GET / HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\n\r\n");
        await ExpectAsync(lab.Server, $"GET / HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\nx-sub: ann\r\n\r\n");
    }

    [Fact]
    public async Task WithoutATokenARequestPassesButForHeadersOfClaims()
    {
        await using HttpLab lab = await StartAsync(rules: Rules(Rule));
        await SayAsync(lab.Client, "GET / HTTP/1.1\r\nhost: x\r\nX-Sub: root\r\nauthorization: Basic abc\r\n\r\n");
        await ExpectAsync(lab.Server, "GET / HTTP/1.1\r\nhost: x\r\nauthorization: Basic abc\r\n\r\n");
        Assert.Empty(lab.Mesh.Tokens);
    }

    [Theory]
    [InlineData("x_sub")]
    [InlineData("x.sub")]
    [InlineData("x+sub")]
    [InlineData("X_Sub")]
    public async Task ANameThatApplicationsTakeForThatOfAClaimIsRemovedToo(string name)
    {
        await using HttpLab lab = await StartAsync(rules: Rules(Rule));
        await SayAsync(lab.Client, $"GET / HTTP/1.1\r\nhost: x\r\n{name}: root\r\nxsub: a\r\n\r\n");
        await ExpectAsync(lab.Server, "GET / HTTP/1.1\r\nhost: x\r\nxsub: a\r\n\r\n");
    }

    [Fact]
    public async Task WhatSaysWhereAMessageEndsIsNeverRemoved()
    {
        await using HttpLab lab = await StartAsync(rules: Rules(Rule with { ClaimHeaders = [new("content_length", "sub")] }));
        await SayAsync(lab.Client, "POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 3\r\n\r\nabc");
        await ExpectAsync(lab.Server, "POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 3\r\n\r\nabc");
    }

    [Fact]
    public async Task AHeaderThatApplicationsTakeForThatOfATokenIsRemoved()
    {
        await using HttpLab lab = await StartAsync(rules: Rules(Rule with { Headers = [new("x-token", "")], ForwardsToken = true }));
        string token = Token("ann");
        await SayAsync(lab.Client, $"GET / HTTP/1.1\r\nhost: x\r\nx-token: {token}\r\nx_token: other\r\n\r\n");
        await ExpectAsync(lab.Server, $"GET / HTTP/1.1\r\nhost: x\r\nx-token: {token}\r\nx-sub: ann\r\n\r\n");
    }

    [Fact]
    public async Task ClaimsAndTokensInTrailersAreRemoved()
    {
        await using HttpLab lab = await StartAsync(rules: Rules(Rule));
        await SayAsync(lab.Client, "POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n1\r\na\r\n0\r\nX-Sub: root\r\nsum: 1\r\nauthorization: Bearer x\r\nx_sub: root\r\n\r\n");
        await ExpectAsync(lab.Server, "POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n1\r\na\r\n0\r\nsum: 1\r\n\r\n");
    }

    [Theory]
    [InlineData("x-sub root\nsum 1", "sum 1\n(end)")]
    [InlineData("x-sub root", "(end)")]
    public async Task SoTheyAreInHttp2(string trailers, string got)
    {
        await using Http2Lab lab = await Http2Lab.StartAsync(rules: Rules(Rule));
        FarStream asking = await lab.Client.AskAsync(Http2Lab.Post, end: false);
        FarStream answering = await lab.Server.RequestAsync();
        await answering.NextAsync();
        await asking.SayAsync(trailers, end: true);
        await answering.ExpectAsync(got);
    }

    [Fact]
    public async Task ABadTokenIsAnswered401AndTheReasonIsTold()
    {
        await using HttpLab lab = await StartAsync(rules: Rules(Rule));
        string token = Token("ann", "\"exp\":1");
        await SayAsync(lab.Client, $"GET /a HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\n\r\n");
        string answer = await RestAsync(lab.Client);
        Assert.StartsWith("HTTP/1.1 401 Unauthorized\r\n", answer, StringComparison.Ordinal);
        Assert.Contains("\r\nwww-authenticate: Bearer error=\"invalid_token\", error_description=\"the token has expired (expired): RequestAuthentication demo/jwt\"\r\n", answer, StringComparison.Ordinal);
        Assert.Contains("\r\nproxy-status: culvert; error=http_request_denied; details=\"the token has expired (expired): RequestAuthentication demo/jwt\"\r\n", answer, StringComparison.Ordinal);
        Assert.DoesNotContain(token, answer, StringComparison.Ordinal);
        (Decision decision, string request) = Assert.Single(lab.Mesh.Decided);
        Assert.Equal((DecisionReason.TokenRefused, "GET x /a: the token has expired"), (decision.Reason, request));
        Assert.Equal((Issuer, JwtError.Expired), Assert.Single(lab.Mesh.Tokens));
        Assert.Equal("", await RestAsync(lab.Server));
    }

    [Theory]
    [InlineData(null)]
    [InlineData("bob")]
    public async Task PolicyRefusesOthers(string? subject)
    {
        await using HttpLab lab = await StartAsync(rules: Rules(Rule, OfAnn));
        await SayAsync(lab.Client, $"GET / HTTP/1.1\r\nhost: x\r\nx-sub: ann\r\n{(subject is null ? "" : $"authorization: Bearer {Token(subject)}\r\n")}\r\n");
        await lab.AssertAnsweredAsync(403, "http_request_denied");
    }

    [Theory]
    [InlineData("ann", true)]
    [InlineData("bob", false)]
    public async Task PolicySeesHeadersOfClaimsAndNotWhatTheClientSays(string subject, bool isAllowed)
    {
        await using HttpLab lab = await StartAsync(rules: Rules(Rule, ByHeader));
        await SayAsync(lab.Client, $"GET / HTTP/1.1\r\nhost: x\r\nx-sub: ann\r\nauthorization: Bearer {Token(subject)}\r\n\r\n");
        if (isAllowed) await ExpectAsync(lab.Server, "GET / HTTP/1.1\r\nhost: x\r\nx-sub: ann\r\n\r\n");
        else await lab.AssertAnsweredAsync(403, "http_request_denied");
    }

    [Fact]
    public async Task InHttp2TheSameIsTrue()
    {
        await using Http2Lab lab = await Http2Lab.StartAsync(rules: Rules(Rule, OfAnn));
        await lab.Client.AskAsync($":method GET\n:scheme http\n:authority shop\n:path /a?access_token={Token("ann")}\nx-sub root", end: true);
        await (await lab.Server.RequestAsync()).ExpectAsync(":method GET\n:scheme http\n:authority shop\n:path /a\nx-sub ann\n(end)");
        FarStream refused = await lab.Client.AskAsync(":method GET\n:scheme http\n:authority shop\n:path /a\nauthorization Bearer x", end: true);
        string answer = await refused.NextAsync();
        Assert.StartsWith(":status 401\nwww-authenticate Bearer error=\"invalid_token\", error_description=\"the token is malformed (malformed)\"\n", answer, StringComparison.Ordinal);
    }

    [Fact]
    public async Task CallersOfGrpcAreToldByItsOwnStatus()
    {
        await using Http2Lab lab = await Http2Lab.StartAsync(rules: Rules(Rule));
        FarStream client = await lab.Client.AskAsync($"{Http2Lab.Grpc}\nauthorization Bearer x", end: false);
        Assert.StartsWith(":status 200\ncontent-type application/grpc\ngrpc-status 16\n", await client.NextAsync(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task WhatWaitsIsRefusedWhenItsKeysHaveGone()
    {
        await using Http2Lab lab = await Http2Lab.StartAsync(ofServer: new Http2Options { MaxConcurrentStreams = 1 }, rules: Rules(Rule));
        await lab.ExchangeAsync(); // its settings are known
        (FarStream running, FarStream answering) = await lab.AskAsync(Http2Lab.Get, end: true);
        FarStream waiting = await lab.Client.AskAsync($"{Http2Lab.Get}\nauthorization Bearer {Token("ann")}", end: true);
        FarStream other = await lab.Client.AskAsync(Http2Lab.Get, end: true);
        using var next = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        await lab.ChangeAsync(Rules(Rule with { Keys = [new JwtKey { Algorithms = [JwtAlgorithm.ES256], PublicKey = next.ExportSubjectPublicKeyInfo().ToEquatableArray() }] }));
        await answering.SayAsync(Http2Lab.Ok, end: true);
        await running.ExpectAsync($"{Http2Lab.Ok}\n(end)");
        Assert.StartsWith(":status 401\n", await waiting.NextAsync(), StringComparison.Ordinal);
        FarStream served = await lab.Server.RequestAsync();
        await served.ExpectAsync($"{Http2Lab.Get}\n(end)");
        await served.SayAsync(Http2Lab.Ok, end: true);
        await other.ExpectAsync($"{Http2Lab.Ok}\n(end)");
    }

    [Fact]
    public async Task RequestsThatRunGoOnWithOtherKeysAndEndWithOtherRules()
    {
        await using Http2Lab lab = await Http2Lab.StartAsync(rules: Rules(Rule, OfAnn));
        FarStream asking = await lab.Client.AskAsync($"{Http2Lab.Post}\nauthorization Bearer {Token("ann")}", end: false);
        FarStream answering = await lab.Server.RequestAsync();
        await answering.NextAsync();
        await lab.ChangeAsync(Rules(Rule with { Keys = [] }, OfAnn));
        await asking.SendAsync("abc", end: false);
        FarStream refused = await lab.Client.AskAsync($"{Http2Lab.Get}\nauthorization Bearer {Token("ann")}", end: true);
        Assert.StartsWith(":status 401\n", await refused.NextAsync(), StringComparison.Ordinal);
        await lab.ChangeAsync(Rules(Rule with { Issuer = "other" }, OfAnn));
        await answering.ExpectAsync("abc", "(reset Cancel)");
    }

    private static string Token(string subject, string more = "\"exp\":4000000000")
    {
        string signed = $"{Encode("""{"alg":"ES256"}""")}.{Encode($$"""{"iss":"{{Issuer}}","sub":"{{subject}}",{{more}} }""")}";
        return $"{signed}.{Base64Url.EncodeToString(Key.SignData(Encoding.ASCII.GetBytes(signed), HashAlgorithmName.SHA256))}";
    }

    internal static string Encode(string text) => Base64Url.EncodeToString(Encoding.UTF8.GetBytes(text));

    internal static RequestRules Rules(JwtRule tokens, params PolicyRule[] allowed)
    {
        NamespacedName policy = new("demo", "p"), jwt = new("demo", "jwt");
        WorkloadInfo shop = new()
        {
            Uid = "demo/shop",
            Name = new("demo", "shop"),
            ServiceAccount = "shop",
            Identity = SpiffeId.ForServiceAccount("td", "demo", "shop"),
            Node = "n1",
            Addresses = [IPAddress.Parse("10.0.0.1")],
            PolicyNames = allowed.Length > 0 ? [policy] : [],
            RequestAuthenticationNames = [jwt],
        };
        return RequestRules.Of(
            new NodeSnapshot
            {
                Policies = ImmutableDictionary<NamespacedName, PolicyInfo>.Empty.Add(policy, new PolicyInfo { Name = policy, Action = PolicyAction.Allow, Rules = allowed.ToEquatableArray() }),
                RequestAuthentications = ImmutableDictionary<NamespacedName, RequestAuthenticationInfo>.Empty.Add(jwt, new RequestAuthenticationInfo { Name = jwt, Rules = [tokens] }),
            },
            new ConnectionRequest { SourceAddress = IPAddress.Parse("10.0.0.2"), SourceWorkload = null, Destination = shop, Port = 8080, Protocol = TransportProtocol.Tcp, Authenticated = false, IsRead = true })!;
    }
}
