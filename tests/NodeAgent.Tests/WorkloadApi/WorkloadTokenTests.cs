using Culvert.Core;
using Culvert.NodeAgent.Identity;
using Culvert.NodeAgent.WorkloadApi;
using Culvert.Protocol.WorkloadApi;
using Culvert.Tests.Shared;
using Grpc.Core;

namespace Culvert.NodeAgent.Tests.WorkloadApi;

/// <summary>Tokens by the agent's Workload API.</summary>
public sealed class WorkloadTokenTests : IAsyncLifetime
{
    private readonly ManualTime _time = new(DateTimeOffset.FromUnixTimeSeconds(1_800_000_000));
    private ServedWorkloads _api = null!;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync() => _api = await ServedWorkloads.StartAsync(_time);

    public ValueTask DisposeAsync() => _api.DisposeAsync();

    [Fact]
    public async Task AnApplicationHasTokensOfItsIdentityThatOthersCanVerify()
    {
        JWTSVID token = Assert.Single((await FetchAsync(_api.Client(), "db", "cache")).Svids);
        Assert.Equal((ServedWorkloads.WebId.ToString(), ""), (token.SpiffeId, token.Hint));
        _api.Attestor.Is(_api.Db);
        ValidateJWTSVIDResponse verified = await ValidateAsync(_api.Client(), "db", token.Svid);
        Assert.Equal(ServedWorkloads.WebId.ToString(), verified.SpiffeId);
        Assert.Equal(ServedWorkloads.WebId.ToString(), verified.Claims.Fields["sub"].StringValue);
        Assert.Equal(["cache", "db"], verified.Claims.Fields["aud"].ListValue.Values.Select(v => v.StringValue).Order(StringComparer.Ordinal));
        Assert.Equal(1_800_000_300, verified.Claims.Fields["exp"].NumberValue);
    }

    [Fact]
    public async Task ATokenIsKeptUntilHalfItsLifeForWhomItIsMeant()
    {
        SpiffeWorkloadAPI.SpiffeWorkloadAPIClient client = _api.Client();
        string first = Token(await FetchAsync(client, "db", "cache"));
        Assert.Equal(first, Token(await FetchAsync(client, "cache", "db", "cache")));
        Assert.NotEqual(first, Token(await FetchAsync(client, "db")));
        Assert.Equal(2, _api.Issuer.Calls);

        // Another workload has its own.
        _api.Attestor.Is(_api.Db);
        Assert.Equal(ServedWorkloads.DbId.ToString(), Assert.Single((await FetchAsync(_api.Client(), "db", "cache")).Svids).SpiffeId);
        _time.Advance(TimeSpan.FromSeconds(149));
        Assert.Equal(first, Token(await FetchAsync(client, "db", "cache")));
        Assert.Equal(3, _api.Issuer.Calls);
        _time.Advance(TimeSpan.FromSeconds(1));
        Assert.NotEqual(first, Token(await FetchAsync(client, "db", "cache")));
        Assert.Equal(4, _api.Issuer.Calls);
    }

    [Fact]
    public async Task WhileTheControllerIsAwayATokenServesUntilItsEnd()
    {
        SpiffeWorkloadAPI.SpiffeWorkloadAPIClient client = _api.Client();
        string first = Token(await FetchAsync(client, "db"));
        _api.Issuer.Failure = new RpcException(new Status(StatusCode.Unavailable, "away"));
        _time.Advance(TimeSpan.FromSeconds(299));
        Assert.Equal(first, Token(await FetchAsync(client, "db")));
        _time.Advance(TimeSpan.FromSeconds(1));
        RpcException away = await Assert.ThrowsAsync<RpcException>(() => FetchAsync(client, "db"));
        Assert.Equal((StatusCode.Unavailable, "could not fetch JWT-SVID: Unavailable: away"), (away.StatusCode, away.Status.Detail));
        _api.Issuer.Failure = null;
        Assert.NotEqual(first, Token(await FetchAsync(client, "db")));
    }

    [Fact]
    public async Task AControllerThatSignsNoneIsSaidSoAndNotAskedForAWhile()
    {
        _api.Issuer.Failure = new JwtsUnsupportedException("not with this authority");
        for (int i = 0; i < 3; i++)
        {
            RpcException none = await Assert.ThrowsAsync<RpcException>(() => FetchAsync(_api.Client(), "db"));
            Assert.Equal((StatusCode.Unimplemented, "the controller signs no JWT-SVIDs: not with this authority"), (none.StatusCode, none.Status.Detail));
        }
        Assert.Equal(1, _api.Issuer.Calls);
        _time.Advance(JwtSvidCache.UnsupportedFor);
        _api.Issuer.Failure = null;
        Assert.Single((await FetchAsync(_api.Client(), "db")).Svids);
    }

    [Theory]
    [InlineData(StatusCode.Unimplemented)]
    [InlineData(StatusCode.FailedPrecondition)]
    public async Task WhatAnOlderControllerOrAWrongConfigurationSaysIsNotForGood(StatusCode code)
    {
        _api.Issuer.Failure = new RpcException(new Status(code, "not now"));
        Assert.Equal(StatusCode.Unavailable, (await Assert.ThrowsAsync<RpcException>(() => FetchAsync(_api.Client(), "db"))).StatusCode);
        _api.Issuer.Failure = null;
        Assert.Single((await FetchAsync(_api.Client(), "db")).Svids);
    }

    [Fact]
    public async Task WhatIsSignedForAnotherIsNotPassedOn()
    {
        _api.Issuer.Other = ServedWorkloads.DbId;
        Assert.Equal(StatusCode.Unavailable, (await Assert.ThrowsAsync<RpcException>(() => FetchAsync(_api.Client(), "db"))).StatusCode);
    }

    [Fact]
    public async Task ManyWhoAskAtOnceHaveOneSigned()
    {
        TaskCompletionSource until = new();
        _api.Issuer.Until = until.Task;
        SpiffeWorkloadAPI.SpiffeWorkloadAPIClient client = _api.Client();
        Task<JWTSVIDResponse>[] calls = [.. Enumerable.Range(0, 20).Select(_ => FetchAsync(client, "db"))];
        await Proxy.SocketExtensions.EventuallyAsync(() => _api.Places.Calls == 20);
        until.SetResult();
        Assert.Single((await Task.WhenAll(calls)).Select(Token).Distinct());
        Assert.Equal(1, _api.Issuer.Calls);
    }

    [Fact]
    public async Task OnlyTheOwnIdentityCanBeAskedFor()
    {
        SpiffeWorkloadAPI.SpiffeWorkloadAPIClient client = _api.Client();
        Assert.Single((await client.FetchJWTSVIDAsync(new() { Audience = { "db" }, SpiffeId = ServedWorkloads.WebId.ToString() }, Options())).Svids);
        await RefusedAsync(StatusCode.PermissionDenied, "no identity issued", new() { Audience = { "db" }, SpiffeId = ServedWorkloads.DbId.ToString() });
        await RefusedAsync(StatusCode.InvalidArgument, "invalid requested SPIFFE ID: ", new() { Audience = { "db" }, SpiffeId = "web" });
        await RefusedAsync(StatusCode.InvalidArgument, "audience must be specified", new());
        await RefusedAsync(StatusCode.InvalidArgument, "an audience must not be empty", new() { Audience = { "" } });

        async Task RefusedAsync(StatusCode code, string reason, JWTSVIDRequest request)
        {
            RpcException refused = await Assert.ThrowsAsync<RpcException>(async () => await client.FetchJWTSVIDAsync(request, Options()));
            Assert.Equal(code, refused.StatusCode);
            Assert.StartsWith(reason, refused.Status.Detail, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task WhoIsNoWorkloadHasNoTokenAndMayHaveOneVerified()
    {
        string token = Token(await FetchAsync(_api.Client(), "db"));
        _api.Attestor.Is(null);
        RpcException refused = await Assert.ThrowsAsync<RpcException>(() => FetchAsync(_api.Client(), "db"));
        Assert.Equal((StatusCode.PermissionDenied, "no identity issued"), (refused.StatusCode, refused.Status.Detail));
        Assert.Equal(ServedWorkloads.WebId.ToString(), (await ValidateAsync(_api.Client(), "db", token)).SpiffeId);
    }

    [Fact]
    public async Task WithoutTheHeaderNothingIsTold()
    {
        SpiffeWorkloadAPI.SpiffeWorkloadAPIClient client = _api.Client();
        using AsyncServerStreamingCall<JWTBundlesResponse> bundles = client.FetchJWTBundles(new(), cancellationToken: Cancel);
        foreach (Func<Task> call in new Func<Task>[]
        {
            async () => await client.FetchJWTSVIDAsync(new() { Audience = { "db" } }, cancellationToken: Cancel),
            async () => await client.ValidateJWTSVIDAsync(new() { Audience = "db", Svid = "x" }, cancellationToken: Cancel),
            () => bundles.ResponseStream.MoveNext(Cancel),
        })
        {
            Assert.Equal(StatusCode.InvalidArgument, (await Assert.ThrowsAsync<RpcException>(call)).StatusCode);
        }
    }

    [Theory]
    [InlineData("web", """{"sub":"spiffe://cluster.local/ns/shop/sa/web","aud":"db","exp":1800000300}""", "expected audience in [\"web\"] (audience=[\"db\"])")]
    [InlineData("db", """{"sub":"spiffe://cluster.local/ns/shop/sa/web","aud":"db","exp":1799999999}""", "the token has expired")]
    [InlineData("db", """{"sub":"spiffe://elsewhere/ns/shop/sa/web","aud":"db","exp":1800000300}""", "the token is of the trust domain elsewhere, whose keys are not known")]
    [InlineData("", """{"sub":"spiffe://cluster.local/ns/shop/sa/web","aud":"db","exp":1800000300}""", "audience must be specified")]
    public async Task ATokenThatIsNotGoodIsRefused(string audience, string claims, string reason) => await InvalidAsync(audience, _api.Issuer.Sign(claims), reason);

    [Fact]
    [Trait("Category", "Attack")]
    public async Task ATokenThatIsForgedIsRefused()
    {
        const string Claims = """{"sub":"spiffe://cluster.local/ns/shop/sa/web","aud":"db","exp":1800000300}""";
        await InvalidAsync("db", _api.Issuer.Sign(Claims, """{"alg":"none","kid":"k1"}"""), "the token's algorithm is not taken");
        await InvalidAsync("db", _api.Issuer.Sign(Claims, """{"alg":"HS256","kid":"k1"}"""), "the token's algorithm is not taken");
        using SigningIssuer stranger = new(_time);
        await InvalidAsync("db", stranger.Sign(Claims), "the token's signature is wrong");
        await InvalidAsync("db", new string('a', JwtReader.MostBytes + 1), "the token is too long");
        await InvalidAsync("db", "", "svid must be specified");
        _api.Revoke(new RevokedCredentials { Identities = [ServedWorkloads.WebId] });
        await InvalidAsync("db", _api.Issuer.Sign(Claims), "spiffe://cluster.local/ns/shop/sa/web is revoked");
    }

    [Fact]
    public async Task KeysAreToldAndEachChangeOfThem()
    {
        using AsyncServerStreamingCall<JWTBundlesResponse> call = _api.Client().FetchJWTBundles(new(), ServedWorkloads.Header("true"), cancellationToken: Cancel);
        Assert.Equal([_api.Issuer.Key], await NextAsync());
        using SigningIssuer next = new(_time);
        JwtKey second = new() { KeyId = "k2", Algorithms = next.Key.Algorithms, PublicKey = next.Key.PublicKey };

        // Other roots are no news here.
        await _api.LookedAtAsync(() => _api.Trust(_api.Authority.Root, _api.Authority.Root));
        _api.Trust(new TrustBundle("cluster.local", [_api.Authority.Root]) { JwtKeys = [_api.Issuer.Key, second] });
        Assert.Equal([_api.Issuer.Key, second], await NextAsync());

        async Task<IEnumerable<JwtKey>> NextAsync()
        {
            Assert.True(await call.ResponseStream.MoveNext(Cancel));
            (string domain, Google.Protobuf.ByteString keys) = Assert.Single(call.ResponseStream.Current.Bundles);
            Assert.Equal("spiffe://cluster.local", domain);
            Assert.Null(JsonWebKeys.TryRead(keys.ToByteArray(), out EquatableArray<JwtKey> read, out _));
            return read;
        }
    }

    [Fact]
    [Trait("Category", "Attack")]
    public async Task WhoAsksTooOftenIsRefusedAndOthersAreNot()
    {
        SpiffeWorkloadAPI.SpiffeWorkloadAPIClient client = _api.Client();
        string first = Token(await FetchAsync(client, "audience"));
        for (int i = 1; i < JwtPace.Burst; i++) await FetchAsync(client, $"audience-{i}");
        Assert.Equal(StatusCode.ResourceExhausted, (await Assert.ThrowsAsync<RpcException>(() => FetchAsync(client, "another"))).StatusCode);
        Assert.Equal(JwtPace.Burst, _api.Issuer.Calls);

        // What it has it has, and others are not concerned.
        Assert.Equal(first, Token(await FetchAsync(client, "audience")));
        _api.Attestor.Is(_api.Db);
        await FetchAsync(_api.Client(), "another");
        _time.Advance(TimeSpan.FromSeconds(1));
        for (int i = 0; i < JwtPace.PerSecond; i++) await FetchAsync(client, $"next-{i}");
        Assert.Equal(StatusCode.ResourceExhausted, (await Assert.ThrowsAsync<RpcException>(() => FetchAsync(client, "another"))).StatusCode);
    }

    private static string Token(JWTSVIDResponse response) => Assert.Single(response.Svids).Svid;

    private static CallOptions Options() => new(ServedWorkloads.Header("true"), cancellationToken: Cancel);

    private static async Task<JWTSVIDResponse> FetchAsync(SpiffeWorkloadAPI.SpiffeWorkloadAPIClient client, params string[] audience) => await client.FetchJWTSVIDAsync(new() { Audience = { audience } }, Options());

    private static async Task<ValidateJWTSVIDResponse> ValidateAsync(SpiffeWorkloadAPI.SpiffeWorkloadAPIClient client, string audience, string token) =>
        await client.ValidateJWTSVIDAsync(new() { Audience = audience, Svid = token }, Options());

    private async Task InvalidAsync(string audience, string token, string reason)
    {
        RpcException refused = await Assert.ThrowsAsync<RpcException>(() => ValidateAsync(_api.Client(), audience, token));
        Assert.Equal((StatusCode.InvalidArgument, reason), (refused.StatusCode, refused.Status.Detail));
    }
}
