using System.Buffers.Text;
using System.Formats.Asn1;
using System.Numerics;
using System.Security.Cryptography;
using System.Text;
using Culvert.Controller.Api;
using Culvert.Controller.Identity;
using Culvert.Controller.Identity.BuiltIn;
using Culvert.Core;
using Culvert.Protocol;
using Culvert.Tests.Shared;
using Grpc.Core;
using Microsoft.Extensions.Logging.Abstractions;
using SignJwtResponse = Culvert.Protocol.V1.SignJwtResponse;

namespace Culvert.Controller.Tests;

/// <summary>Tokens of workloads that the built-in authority signs, and who gets them.</summary>
public sealed class JwtSvidSigningTests : IDisposable
{
    private static readonly SpiffeId Web = SpiffeId.ForServiceAccount("cluster.local", "shop", "web");

    private readonly TempFolder _folder = new();
    private readonly ManualTime _time = new();

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task ATokenIsGoodForWhomItNamesUntilItEnds()
    {
        await using BuiltInCertificateAuthority authority = await OpenAsync();
        IssuedJwt issued = await authority.SignJwtAsync(Web, ["db", "cache"], Stop);
        Assert.Equal((_time.GetUtcNow(), JwtSvid.Lifetime), (issued.IssuedAt, issued.ExpiresAt - issued.IssuedAt));
        Assert.Null(Verify(authority, issued, "db", out VerifiedJwtSvid? svid));
        Assert.Equal(Web, svid!.Id);
        Assert.Equal($$"""{"aud":["db","cache"],"exp":{{issued.ExpiresAt.ToUnixTimeSeconds()}},"iat":{{issued.IssuedAt.ToUnixTimeSeconds()}},"sub":"{{Web}}"}""", Encoding.UTF8.GetString(svid.Claims.Span));
        Assert.Null(Verify(authority, issued, "cache", out _));
        Assert.StartsWith("expected audience in [\"web\"]", Verify(authority, issued, "web", out _), StringComparison.Ordinal);
        _time.Advance(JwtSvid.Lifetime);
        Assert.Equal("the token has expired", Verify(authority, issued, "db", out _));
        Assert.DoesNotContain(issued.Token[^20..], issued.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task OpensslTakesTheSignature()
    {
        await using BuiltInCertificateAuthority authority = await OpenAsync();
        IssuedJwt issued = await authority.SignJwtAsync(Web, ["db"], Stop);
        int dot = issued.Token.LastIndexOf('.');
        byte[] signature = Base64Url.DecodeFromChars(issued.Token.AsSpan(dot + 1));
        AsnWriter der = new(AsnEncodingRules.DER);
        using (der.PushSequence())
        {
            der.WriteInteger(new BigInteger(signature.AsSpan(0, 32), isUnsigned: true, isBigEndian: true));
            der.WriteInteger(new BigInteger(signature.AsSpan(32), isUnsigned: true, isBigEndian: true));
        }
        await File.WriteAllTextAsync(_folder.File("signed"), issued.Token[..dot], Stop);
        await File.WriteAllBytesAsync(_folder.File("signature"), der.Encode(), Stop);
        await File.WriteAllTextAsync(_folder.File("key.pem"), PemEncoding.WriteString("PUBLIC KEY", Assert.Single(authority.JwtKeys).PublicKey.AsSpan()), Stop);
        (int code, string output) = await OpenSsl.RunAsync("dgst", "-sha256", "-verify", _folder.File("key.pem"), "-signature", _folder.File("signature"), _folder.File("signed"));
        Assert.True(code == 0, output);
        Assert.Equal("""{"alg":"ES256","kid":"KID","typ":"JWT"}""".Replace("KID", authority.JwtKeys[0].KeyId, StringComparison.Ordinal), Encoding.UTF8.GetString(Base64Url.DecodeFromChars(issued.Token.AsSpan(0, issued.Token.IndexOf('.')))));
    }

    [Fact]
    public async Task TheKeyIsTheSameAfterARestartAndAnotherOneWithAnotherRoot()
    {
        JwtKey key;
        IssuedJwt issued;
        await using (BuiltInCertificateAuthority authority = await OpenAsync())
        {
            key = Assert.Single(authority.JwtKeys);
            issued = await authority.SignJwtAsync(Web, ["db"], Stop);
        }

        await using BuiltInCertificateAuthority again = await OpenAsync(), other = await OpenAsync("other");
        Assert.Equal(key, Assert.Single(again.JwtKeys));
        Assert.Null(Verify(again, issued, "db", out _));
        Assert.NotEqual(key, Assert.Single(other.JwtKeys));
        Assert.Equal("the token's key is not known", Verify(other, issued, "db", out _));

        // It is none of the root's: who could have the one sign must not sign as the other.
        using ECDsa root = ECDsa.Create();
        root.ImportFromPem(await File.ReadAllTextAsync(Directory.GetFiles(_folder.File("ca"), "*.key.pem").Single(), Stop));
        Assert.NotEqual(root.ExportSubjectPublicKeyInfo(), key.PublicKey.ToArray());
    }

    [Fact]
    public async Task KeysOverlapAsRootsDo()
    {
        await using BuiltInCertificateAuthority authority = await OpenAsync();
        int raised = 0;
        authority.RootsChanged += () => raised++;
        string first = authority.JwtKeys[0].KeyId!;
        await authority.RotateRootAsync(signNow: false, Stop);

        // The next key is known before it signs.
        Assert.Equal((2, 1), (authority.JwtKeys.Count, raised));
        _time.Advance(TimeSpan.FromMinutes(4));
        IssuedJwt before = await authority.SignJwtAsync(Web, ["db"], Stop);
        _time.Advance(TimeSpan.FromMinutes(2));
        IssuedJwt after = await authority.SignJwtAsync(Web, ["db"], Stop);
        Assert.NotEqual(before.Token.Split('.')[0], after.Token.Split('.')[0]);
        foreach (IssuedJwt issued in new[] { before, after }) Assert.Null(Verify(authority, issued, "db", out _));

        // In the end the first is known no more.
        for (int day = 0; authority.Roots.Length > 1; day++)
        {
            Assert.True(day < 30, "the old root never leaves");
            _time.Advance(TimeSpan.FromDays(1));
        }
        Assert.NotEqual(first, Assert.Single(authority.JwtKeys).KeyId);
    }

    [Fact]
    public async Task ATokenStaysGoodThoughTheRootThatSignedItIsReplacedAtOnce()
    {
        await using BuiltInCertificateAuthority authority = await OpenAsync();
        IssuedJwt issued = await authority.SignJwtAsync(Web, ["db"], Stop);
        await authority.RotateRootAsync(signNow: true, Stop);
        _time.Advance(JwtSvid.Lifetime - TimeSpan.FromSeconds(1));
        Assert.Null(Verify(authority, issued, "db", out _));
    }

    [Theory]
    [InlineData("shop/api")]
    [InlineData("shop/nobody")]
    [InlineData("shop/out")]
    [InlineData("")]
    [Trait("Category", "Attack")]
    public async Task TokensAreForEnrolledWorkloadsOfTheNodeOnly(string uid)
    {
        await using Running running = await StartAsync();
        using FakeAgent agent = FakeAgent.OverSocket(running.Socket, "node-1");
        RpcException refused = await Assert.ThrowsAsync<RpcException>(async () => await agent.Certificates.SignJwtAsync(new() { WorkloadUid = uid, Audience = { "db" } }, agent.Options));
        Assert.Equal(StatusCode.PermissionDenied, refused.StatusCode);
    }

    [Fact]
    public async Task ANodeHasTokensForItsWorkloadsAndTheKeysComeWithItsSnapshot()
    {
        await using Running running = await StartAsync();
        using FakeAgent agent = FakeAgent.OverSocket(running.Socket, "node-1");
        var signed = await agent.Certificates.SignJwtAsync(new() { WorkloadUid = "shop/web", Audience = { "db" } }, agent.Options);
        Assert.Equal(Web.ToString(), signed.Identity);
        Assert.Equal(JwtSvid.Lifetime, signed.ExpiresAt.ToDateTimeOffset() - signed.IssuedAt.ToDateTimeOffset());
        await agent.OpenAsync();
        await agent.NextAsync();
        Assert.Null(JwtSvid.Verify(Encoding.UTF8.GetBytes(signed.Token), "db", agent.Snapshot.TrustBundle, DateTimeOffset.UtcNow, out _));
    }

    [Theory]
    [InlineData]
    [InlineData("")]
    [InlineData("a\nb")]
    public async Task AudiencesThatCannotBeAreRefused(params string[] audience)
    {
        await using Running running = await StartAsync();
        using FakeAgent agent = FakeAgent.OverSocket(running.Socket, "node-1");
        RpcException refused = await Assert.ThrowsAsync<RpcException>(async () => await agent.Certificates.SignJwtAsync(new() { WorkloadUid = "shop/web", Audience = { audience } }, agent.Options));
        Assert.Equal(StatusCode.InvalidArgument, refused.StatusCode);
    }

    [Fact]
    [Trait("Category", "Attack")]
    public async Task ANodeHasOnlySoManySignedAndOthersHaveTheirs()
    {
        await using Running running = await StartAsync();
        using FakeAgent many = FakeAgent.OverSocket(running.Socket, "node-1"), other = FakeAgent.OverSocket(running.Socket, "node-2");
        Status refused = Status.DefaultSuccess;
        for (int round = 0; round < 20 * ProtocolLimits.JwtBurst && refused.StatusCode == StatusCode.OK; round++)
        {
            // More than come back while they are signed, and no more at a time than are signed or wait.
            Status[] answers = await Task.WhenAll(Enumerable.Range(0, CertificateServiceHandler.MostJwtsAtOnce + CertificateServiceHandler.MostJwtsWaiting).Select(_ => SignAsync(many, "shop/web")));
            refused = answers.FirstOrDefault(a => a.StatusCode != StatusCode.OK, Status.DefaultSuccess);
        }
        Assert.Equal((StatusCode.ResourceExhausted, "node node-1 has more than 100 tokens a second signed"), (refused.StatusCode, refused.Detail));
        Assert.Equal(StatusCode.OK, (await SignAsync(other, "shop/api")).StatusCode);

        static async Task<Status> SignAsync(FakeAgent agent, string uid)
        {
            try
            {
                await agent.Certificates.SignJwtAsync(new() { WorkloadUid = uid, Audience = { "db" } }, agent.Options);
                return Status.DefaultSuccess;
            }
            catch (RpcException e)
            {
                return e.Status;
            }
        }
    }

    [Fact]
    [Trait("Category", "Attack")]
    public async Task ANodeTakesFewOfThePlacesThatAnAuthorityOutsideHas()
    {
        const int Taken = CertificateServiceHandler.MostJwtsAtOnce + CertificateServiceHandler.MostJwtsWaiting;
        TaskCompletionSource until = new(TaskCreationOptions.RunContinuationsAsynchronously);
        await using BuiltInCertificateAuthority builtIn = await BuiltInCertificateAuthority.OpenAsync(new(), new FolderRootStore(_folder.File("outside")), TimeProvider.System, new Random(5), NullLogger.Instance, Stop);
        StandInAuthority authority = new(builtIn) { JwtsUntil = until.Task };
        await using Running running = await StartAsync(o => o with { Authority = authority });
        using FakeAgent many = FakeAgent.OverSocket(running.Socket, "node-1"), other = FakeAgent.OverSocket(running.Socket, "node-2");
        List<Task<SignJwtResponse>> asked = [.. Enumerable.Range(0, Taken + 1).Select(_ => SignAsync(many, "shop/web"))];

        // One more than may wait; the others do.
        Task<SignJwtResponse> first = await Task.WhenAny(asked);
        asked.Remove(first);
        RpcException refused = await Assert.ThrowsAsync<RpcException>(() => first);
        Assert.Equal((StatusCode.ResourceExhausted, TimeSpan.FromSeconds(1)), (refused.StatusCode, RetryPushback.Of(refused)));
        for (int i = 0; i < CertificateServiceHandler.MostJwtsAtOnce; i++) Assert.EndsWith("/web", (await authority.BegunJwts.ReadAsync(Stop)).ToString(), StringComparison.Ordinal);
        Task<SignJwtResponse> others = SignAsync(other, "shop/api");
        Assert.EndsWith("/api", (await authority.BegunJwts.ReadAsync(Stop)).ToString(), StringComparison.Ordinal);
        Assert.Equal(CertificateServiceHandler.MostJwtsAtOnce + 1, authority.SigningJwts);
        until.SetResult();
        Assert.All(await Task.WhenAll([others, .. asked]), answer => Assert.NotEmpty(answer.Token));

        static async Task<SignJwtResponse> SignAsync(FakeAgent agent, string uid) => await agent.Certificates.SignJwtAsync(new() { WorkloadUid = uid, Audience = { "db" } }, agent.Options);
    }

    [Fact]
    public async Task APlaceOfANodeComesBackAndIsForgottenWithTheLast()
    {
        NodePlaces places = new(1, 1);
        IDisposable? first = await places.TryEnterAsync("node-1", Stop);
        using CancellationTokenSource leave = new();
        Task<IDisposable?> waits = places.TryEnterAsync("node-1", leave.Token);
        Assert.False(waits.IsCompleted);
        Assert.Null(await places.TryEnterAsync("node-1", Stop));
        using (IDisposable? other = await places.TryEnterAsync("node-2", Stop)) Assert.Equal(2, places.Count);
        await leave.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => waits);
        Task<IDisposable?> next = places.TryEnterAsync("node-1", Stop);
        Assert.False(next.IsCompleted);
        first!.Dispose();
        first.Dispose();
        (await next)!.Dispose();
        Assert.Equal(0, places.Count);
    }

    [Fact]
    public void AKeyThatIsGoneSignsNothingAndIsAlwaysTheSameForARoot()
    {
        using ECDsa root = ECDsa.Create(ECCurve.NamedCurves.nistP256), other = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        JwtSigningKey key = JwtSigningKey.Of(root);
        using JwtSigningKey again = JwtSigningKey.Of(root), another = JwtSigningKey.Of(other);
        Assert.Equal(key.Public, again.Public);
        Assert.NotEqual(key.Public.KeyId, another.Public.KeyId);
        DateTimeOffset now = DateTimeOffset.FromUnixTimeSeconds(1_800_000_000);
        Assert.NotNull(key.TrySign(Web, ["db"], now, now + JwtSvid.Lifetime));
        key.Dispose();
        Assert.Null(key.TrySign(Web, ["db"], now, now + JwtSvid.Lifetime));
    }

    private static Task<Running> StartAsync(Func<ControllerOptions, ControllerOptions>? change = null) => Running.StartAsync(
        f =>
        {
            f.Write("objects/web.yaml", Objects.Workload("web", "10.0.0.1") + Objects.Workload("api", "10.0.0.2", "node-2"));
            f.Write("objects/out.yaml", "apiVersion: culvert.dev/v1alpha1\nkind: Workload\nmetadata: {name: out, namespace: shop}\nspec: {node: node-1, addresses: [10.0.0.3], enrolled: false}\n");
        },
        change);

    private Task<BuiltInCertificateAuthority> OpenAsync(string name = "ca") =>
        BuiltInCertificateAuthority.OpenAsync(new(), new FolderRootStore(_folder.File(name)), _time, new Random(5), NullLogger.Instance, Stop);

    private string? Verify(BuiltInCertificateAuthority authority, IssuedJwt issued, string audience, out VerifiedJwtSvid? svid) =>
        JwtSvid.Verify(Encoding.UTF8.GetBytes(issued.Token), audience, new TrustBundle("cluster.local", authority.Roots) { JwtKeys = authority.JwtKeys }, _time.GetUtcNow(), out svid);
}
