using System.Collections.Concurrent;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Culvert.Controller.Identity;
using Culvert.Controller.Identity.Spire;
using Culvert.Core;
using Culvert.Kubernetes.Tests.Support;
using Culvert.Protocol;
using Culvert.Protocol.SpireTypes;
using Culvert.Tests.Shared;
using Culvert.Tests.Shared.Spire;
using Google.Protobuf;
using Grpc.Core;
using Microsoft.Extensions.Logging.Abstractions;

namespace Culvert.Controller.Tests.Identity.Spire;

/// <summary>The authority that has a SPIRE server sign each certificate, against a server that behaves as a real one was seen to.</summary>
public sealed class SpireMintAuthorityTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);
    private static readonly SpiffeId Web = SpiffeId.ForServiceAccount(StandInSpire.TrustDomain, "shop", "web");

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task ACertificateIsSignedThatOpensslVerifies(bool isTcp)
    {
        await using StandInSpire spire = await StandInSpire.StartAsync();
        spire.IsAdmin = isTcp;
        await using SpireMintAuthority authority = await OpenAsync(spire, isTcp);
        using ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        IssuedCertificate issued = await authority.SignAsync(Request(key), Cancellation);

        Assert.Equal(Web, issued.Identity);
        Assert.InRange(issued.NotAfter - DateTimeOffset.UtcNow, TimeSpan.FromMinutes(9), TimeSpan.FromMinutes(11));
        using TempFolder folder = new();
        OpenSsl.WritePem(folder.File("roots.pem"), authority.Roots);
        OpenSsl.WritePem(folder.File("leaf.pem"), issued.Chain[0]);
        (int code, string output) = await OpenSsl.RunAsync("verify", "-CAfile", folder.File("roots.pem"), folder.File("leaf.pem"));
        Assert.True(code == 0, output);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task ATokenIsSignedThatTheServersKeysVerify(bool isTcp)
    {
        await using StandInSpire spire = await StandInSpire.StartAsync();
        spire.IsAdmin = isTcp;
        await using SpireMintAuthority authority = await OpenAsync(spire, isTcp);
        IssuedJwt issued = await authority.SignJwtAsync(Web, ["db", "cache"], Cancellation);
        TrustBundle bundle = new(StandInSpire.TrustDomain, []) { JwtKeys = authority.JwtKeys };
        Assert.Null(JwtSvid.Verify(Encoding.UTF8.GetBytes(issued.Token), "cache", bundle, DateTimeOffset.UtcNow, out VerifiedJwtSvid? svid));
        Assert.Equal(Web, svid!.Id);
        Assert.Equal(JwtSvid.Lifetime, issued.ExpiresAt - issued.IssuedAt);

        // A key that signs before it was read is read then, and told.
        TaskCompletionSource told = new();
        authority.RootsChanged += () => told.TrySetResult();
        spire.JwtKeyId = "jwt-2";
        await authority.SignJwtAsync(Web, ["db"], Cancellation);
        await told.Task.WaitAsync(Patience, Cancellation);
        Assert.Equal("jwt-2", Assert.Single(authority.JwtKeys).KeyId);
    }

    [Fact]
    public async Task ATokenOfAnotherOrOneThatNoKeyHasMadeIsNotPassedOn()
    {
        await using StandInSpire spire = await StandInSpire.StartAsync();
        await using SpireMintAuthority authority = await OpenAsync(spire);
        foreach (Func<JWTSVID, JWTSVID> change in new Func<JWTSVID, JWTSVID>[] { s => new(s) { Token = "" }, s => new(s) { Token = s.Token[..^4] + "AAAA" } })
        {
            spire.AnswerToken = change;
            AuthorityException failure = await Assert.ThrowsAsync<AuthorityException>(() => authority.SignJwtAsync(Web, ["db"], Cancellation));
            Assert.Equal(AuthorityFailure.Unavailable, failure.Reason);
            Assert.Contains("a token that is not taken", failure.Message, StringComparison.Ordinal);
        }
        AuthorityException foreign = await Assert.ThrowsAsync<AuthorityException>(() => authority.SignJwtAsync(SpiffeId.ForServiceAccount("elsewhere", "shop", "web"), ["db"], Cancellation));
        Assert.Equal(AuthorityFailure.Misconfigured, foreign.Reason);
    }

    [Fact]
    public async Task TheBundleIsReadForAnUnknownKeyOnlyAndNotAtEachToken()
    {
        await using StandInSpire spire = await StandInSpire.StartAsync();
        await using SpireMintAuthority authority =
            await SpireMintAuthority.OpenAsync(Options(spire, isTcp: false) with { BundleInterval = TimeSpan.FromHours(1) }, TimeProvider.System, new Random(1), new LineLogger(new()), Cancellation).WaitAsync(Patience, Cancellation);
        int reads = 0;
        spire.Fault = method =>
        {
            if (method.EndsWith("GetBundle", StringComparison.Ordinal)) Interlocked.Increment(ref reads);
            return null;
        };
        spire.AnswerToken = s => new(s) { Token = s.Token[..^4] + "AAAA" };
        await Assert.ThrowsAsync<AuthorityException>(() => authority.SignJwtAsync(Web, ["db"], Cancellation));
        Assert.Equal(0, reads);
        spire.AnswerToken = s => s;
        spire.JwtKeyId = "jwt-2";
        await authority.SignJwtAsync(Web, ["db"], Cancellation);
        Assert.Equal(1, reads);
        spire.JwtKeyId = "jwt-3";
        AuthorityException unknown = await Assert.ThrowsAsync<AuthorityException>(() => authority.SignJwtAsync(Web, ["db"], Cancellation));
        Assert.Contains("the token's key is not known", unknown.Message, StringComparison.Ordinal);
        Assert.Equal(1, reads);
    }

    [Fact]
    public async Task ItWaitsForTheRightOfAnAdminAndSaysHowToGetIt()
    {
        await using StandInSpire spire = await StandInSpire.StartAsync();
        ConcurrentQueue<string> said = new();
        Task<SpireMintAuthority> opening = SpireMintAuthority.OpenAsync(Options(spire, isTcp: true), TimeProvider.System, new Random(1), new LineLogger(said), Cancellation);
        await SaidAsync(said, $"spiffe://{StandInSpire.TrustDomain}/ns/culvert-system/sa/culvert-controller is no admin: give it an entry with -admin");
        spire.IsAdmin = true;
        await (await opening.WaitAsync(Patience, Cancellation)).DisposeAsync();
    }

    [Fact]
    public async Task AnAdminThatIsNoneAnyMoreIsToldSo()
    {
        await using StandInSpire spire = await StandInSpire.StartAsync();
        spire.IsAdmin = true;
        await using SpireMintAuthority authority = await OpenAsync(spire, isTcp: true);
        spire.IsAdmin = false;
        using ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        AuthorityException failure = await Assert.ThrowsAsync<AuthorityException>(() => authority.SignAsync(Request(key), Cancellation));
        Assert.Equal(AuthorityFailure.Misconfigured, failure.Reason);
        Assert.Contains("authorization denied for method /spire.api.server.svid.v1.SVID/MintX509SVID", failure.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(StatusCode.InvalidArgument, AuthorityFailure.InvalidRequest)]
    [InlineData(StatusCode.PermissionDenied, AuthorityFailure.Misconfigured)]
    [InlineData(StatusCode.Unimplemented, AuthorityFailure.Misconfigured)]
    [InlineData(StatusCode.ResourceExhausted, AuthorityFailure.Overloaded)]
    [InlineData(StatusCode.Unavailable, AuthorityFailure.Unavailable)]
    [InlineData(StatusCode.Internal, AuthorityFailure.Unavailable)]
    public async Task EachStatusHasItsMeaning(StatusCode status, AuthorityFailure meaning)
    {
        await using StandInSpire spire = await StandInSpire.StartAsync();
        await using SpireMintAuthority authority = await OpenAsync(spire);
        spire.Fault = method => method.EndsWith("MintX509SVID", StringComparison.Ordinal) ? new Status(status, "the server's own words") : null;
        using ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        AuthorityException failure = await Assert.ThrowsAsync<AuthorityException>(() => authority.SignAsync(Request(key), Cancellation));
        Assert.Equal(meaning, failure.Reason);
        Assert.Contains("the server's own words", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task ARequestThatNamesNobodyIsToldWhomToName()
    {
        await using StandInSpire spire = await StandInSpire.StartAsync();
        await using SpireMintAuthority authority = await OpenAsync(spire);
        using ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        AuthorityException failure = await Assert.ThrowsAsync<AuthorityException>(() => authority.SignAsync(Request(key, CsrIdentity.Create(key, null)), Cancellation));
        Assert.Equal((AuthorityFailure.InvalidRequest, Web), (failure.Reason, failure.IdentityToName));
    }

    public static TheoryData<string, byte[]> GreedyRequests()
    {
        using ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        SubjectAlternativeNameBuilder address = new();
        address.AddUri(new Uri(Web.ToString()));
        address.AddIpAddress(System.Net.IPAddress.Loopback);
        SubjectAlternativeNameBuilder two = new();
        two.AddUri(new Uri(Web.ToString()));
        two.AddUri(new Uri(Web.ToString()));
        return new()
        {
            { "names spiffe://demo.culvert/ns/shop/sa/bank", CsrIdentity.Create(key, SpiffeId.ForServiceAccount(StandInSpire.TrustDomain, "shop", "bank")) },
            { "asks for the DNS name 'bank.example'", CsrIdentity.Create(key, Web, "bank.example") },
            { "neither a URI nor a DNS name", Csr(key, "O=Culvert", address.Build()) },
            { " and spiffe://", Csr(key, "O=Culvert", two.Build()) },
            { "has a subject; none and 'O=Culvert' are taken", Csr(key, "CN=bank.example", new X509BasicConstraintsExtension(true, false, 0, true)) },
            { "asks for the extension 2.5.29.19", Csr(key, "", new X509BasicConstraintsExtension(true, false, 0, true)) },
        };
    }

    [Theory]
    [MemberData(nameof(GreedyRequests))]
    [Trait("Category", "Attack")]
    public async Task NothingIsSignedThatTheControllerHasNotDecided(string why, byte[] csr)
    {
        await using StandInSpire spire = await StandInSpire.StartAsync();
        await using SpireMintAuthority authority = await OpenAsync(spire);
        using ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        AuthorityException failure = await Assert.ThrowsAsync<AuthorityException>(() => authority.SignAsync(Request(key, csr), Cancellation));
        Assert.Equal(AuthorityFailure.InvalidRequest, failure.Reason);
        Assert.Contains(why, failure.Message, StringComparison.Ordinal);
        Assert.Equal(0, spire.MostSigning);
    }

    [Fact]
    public async Task ATrustDomainThatIsNotTheServersIsNamedWithTheRemedy()
    {
        await using StandInSpire spire = await StandInSpire.StartAsync();
        await using SpireMintAuthority authority = await OpenAsync(spire);
        using ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        SpiffeId foreign = SpiffeId.ForServiceAccount("cluster.local", "shop", "web");
        AuthorityException failure = await Assert.ThrowsAsync<AuthorityException>(
            () => authority.SignAsync(Request(key, CsrIdentity.Create(key, foreign)) with { Identity = foreign }, Cancellation));
        Assert.Equal(AuthorityFailure.Misconfigured, failure.Reason);
        Assert.Contains("set spec.trustDomain of the MeshConfig to demo.culvert", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task NoMoreThanSixtyFourAreSignedAtOnce()
    {
        await using StandInSpire spire = await StandInSpire.StartAsync();
        await using SpireMintAuthority authority = await OpenAsync(spire, deadline: Patience);
        TaskCompletionSource release = new(TaskCreationOptions.RunContinuationsAsynchronously);
        spire.Hold = release.Task;
        using ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        Task<IssuedCertificate>[] all = [.. Enumerable.Range(0, 200).Select(_ => authority.SignAsync(Request(key), Cancellation))];
        await Soon.Holds("63 are being signed", () => spire.MostSigning >= 63);

        // One place is kept for the controller's own; a call of another kind shows that what was asked before has come.
        Task<IssuedCertificate> own = authority.SignAsync(Request(key) with { LeadsToOlderRoots = true }, Cancellation);
        await Soon.Holds("64 are being signed", () => spire.MostSigning >= 64);
        spire.Prepare();
        await Soon.Holds("the bundle is read", () => authority.Roots.Length == 2);
        Assert.Equal(64, spire.MostSigning);

        // Tokens have places of their own.
        Assert.NotEmpty((await authority.SignJwtAsync(Web, ["db"], Cancellation).WaitAsync(Patience, Cancellation)).Token);
        release.SetResult();
        await Task.WhenAll([own, .. all]).WaitAsync(Patience, Cancellation);
        Assert.Equal(64, spire.MostSigning);
    }

    [Fact]
    [Trait("Category", "Attack")]
    public async Task WhoeverAsksAServerThatIsSilentIsToldWithinItsPatience()
    {
        await using StandInSpire spire = await StandInSpire.StartAsync();
        await using SpireMintAuthority authority = await OpenAsync(spire, deadline: TimeSpan.FromSeconds(2));
        spire.Hold = new TaskCompletionSource().Task;
        using ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        AuthorityException[] failures = await Task.WhenAll(Enumerable.Range(0, 64).Select(_ => Assert.ThrowsAsync<AuthorityException>(() => authority.SignAsync(Request(key), Cancellation)))).WaitAsync(Patience, Cancellation);

        // One finds no place, and not what its wait would have left of a place.
        AuthorityException full = Assert.Single(failures, f => f.Reason == AuthorityFailure.Overloaded);
        Assert.Contains("has 63 certificates to sign already, which takes it more than 1 s", full.Message, StringComparison.Ordinal);
        Assert.NotNull(full.RetryAfter);
        Assert.All(failures.Where(f => f != full), f => Assert.Contains("signs nothing has to be started again", f.Message, StringComparison.Ordinal));
    }

    [Fact]
    public async Task RootsComeAndGoAsTheServersBundleHasThem()
    {
        await using StandInSpire spire = await StandInSpire.StartAsync();
        await using SpireMintAuthority authority = await OpenAsync(spire);
        int changes = 0;
        authority.RootsChanged += () => Interlocked.Increment(ref changes);
        TaskCompletionSource two = Expect(authority, 2), one = Expect(authority, 1);
        spire.Recount();
        spire.Prepare();
        await two.Task.WaitAsync(Patience, Cancellation);
        spire.Activate();
        spire.Revoke();
        await one.Task.WaitAsync(Patience, Cancellation);
        Assert.Equal(spire.Roots[0].RawData, authority.Roots[0].ToArray());
        Assert.Equal(2, changes);
    }

    [Fact]
    public async Task ACertificateBelowARootThatWasNotReadYetIsGivenOutWhenThatIs()
    {
        await using StandInSpire spire = await StandInSpire.StartAsync();
        await using SpireMintAuthority authority = await SpireMintAuthority.OpenAsync(
            Options(spire, isTcp: false) with { BundleInterval = TimeSpan.FromHours(1) }, TimeProvider.System, new Random(1), NullLogger.Instance, Cancellation);
        spire.Prepare();
        spire.Activate();
        using ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        await authority.SignAsync(Request(key), Cancellation);
        Assert.Equal(2, authority.Roots.Length);
    }

    [Fact]
    public async Task ARootThatHasEndedIsNotToldOn()
    {
        await using StandInSpire spire = await StandInSpire.StartAsync();
        spire.Prepare(TimeSpan.FromMilliseconds(1));
        await using SpireMintAuthority authority = await OpenAsync(spire);
        Assert.Single(authority.Roots);
    }

    [Fact]
    public async Task WhileTheServerIsAwayWhatWasReadLastCounts()
    {
        await using StandInSpire spire = await StandInSpire.StartAsync();
        ConcurrentQueue<string> said = new();
        await using SpireMintAuthority authority = await OpenAsync(spire, said: said);
        spire.Fault = _ => new Status(StatusCode.Unavailable, "gone");
        await SaidAsync(said, "can't be read again");
        Assert.Single(authority.Roots);
        spire.Fault = _ => null;
        using ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        await authority.SignAsync(Request(key), Cancellation);
    }

    [Fact]
    public async Task TheRootsOfAnotherTrustDomainAreNotTakenUp()
    {
        await using StandInSpire spire = await StandInSpire.StartAsync();
        ConcurrentQueue<string> said = new();
        await using SpireMintAuthority authority = await OpenAsync(spire, said: said);
        ReadOnlyMemory<byte> root = authority.Roots[0];
        spire.BundleOf = "elsewhere";
        spire.Prepare();
        await SaidAsync(said, "is of the trust domain elsewhere now, and was of demo.culvert");
        Assert.Equal(root.ToArray(), Assert.Single(authority.Roots).ToArray());
    }

    [Fact]
    public async Task WhoeverFailsToTakeUpRootsIsToldAgain()
    {
        await using StandInSpire spire = await StandInSpire.StartAsync();
        ConcurrentQueue<string> said = new();
        await using SpireMintAuthority authority = await OpenAsync(spire, said: said);
        int told = 0;
        TaskCompletionSource again = new(TaskCreationOptions.RunContinuationsAsynchronously);
        authority.RootsChanged += () =>
        {
            if (++told == 1) throw new InvalidOperationException("a bug");
            again.TrySetResult();
        };
        spire.Prepare();
        await again.Task.WaitAsync(Patience, Cancellation);
        await SaidAsync(said, "not all has taken it up");
    }

    [Theory]
    [InlineData(60, " s behind the controller's")]
    [InlineData(-60, " s ahead of the controller's")]
    public async Task AClockThatIsNotTheServersIsSaid(int seconds, string how)
    {
        await using StandInSpire spire = await StandInSpire.StartAsync();
        ManualTime time = new(DateTimeOffset.UtcNow + TimeSpan.FromSeconds(seconds));

        // Deadlines are by that clock, too.
        SpireOptions options = Options(spire, isTcp: false) with { Deadline = TimeSpan.FromMinutes(5) };
        await using SpireMintAuthority authority = await SpireMintAuthority.OpenAsync(options, time, new Random(1), NullLogger.Instance, Cancellation).WaitAsync(Patience, Cancellation);
        using ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        AuthorityException failure = await Assert.ThrowsAsync<AuthorityException>(() => authority.SignAsync(Request(key), Cancellation));
        Assert.Contains(how, failure.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("spiffe://demo.culvert/spire/agent/x509pop/a")]
    [InlineData("spiffe://elsewhere/spire/server")]
    [Trait("Category", "Attack")]
    public async Task WhoeverElseAnswersAtTheServersAddressIsNotAsked(string server)
    {
        await using StandInSpire spire = await StandInSpire.StartAsync(server);
        spire.IsAdmin = true;
        ConcurrentQueue<string> said = new();
        using CancellationTokenSource stop = CancellationTokenSource.CreateLinkedTokenSource(Cancellation);
        Task<SpireMintAuthority> opening = SpireMintAuthority.OpenAsync(Options(spire, isTcp: true), TimeProvider.System, new Random(1), new LineLogger(said), stop.Token);
        await SaidAsync(said, "is not that of the SPIRE server of this process's trust domain");
        await stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => opening);
    }

    [Fact]
    public async Task ACertificateForAnotherKeyIsNotGivenOut()
    {
        await using StandInSpire spire = await StandInSpire.StartAsync();
        await using SpireMintAuthority authority = await OpenAsync(spire);
        using ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256), other = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        X509SVID? first = null;
        spire.Answer = svid => first ??= svid;
        await authority.SignAsync(Request(other), Cancellation);
        AuthorityException failure = await Assert.ThrowsAsync<AuthorityException>(() => authority.SignAsync(Request(key), Cancellation));
        Assert.Contains("a certificate for another key", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task AnAnswerThatIsNoCertificateIsRefused()
    {
        await using StandInSpire spire = await StandInSpire.StartAsync();
        await using SpireMintAuthority authority = await OpenAsync(spire);
        spire.Answer = _ => new() { CertChain = { ByteString.CopyFromUtf8("no certificate") } };
        using ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        AuthorityException failure = await Assert.ThrowsAsync<AuthorityException>(() => authority.SignAsync(Request(key), Cancellation));
        Assert.Equal(AuthorityFailure.Unavailable, failure.Reason);
    }

    [Fact]
    public async Task WithoutAnIdentityTheServerIsNotAskedAndItIsSaidWhy()
    {
        await using StandInSpire spire = await StandInSpire.StartAsync();
        (spire.IsAdmin, spire.HasEntry) = (true, false);
        ConcurrentQueue<string> said = new();
        Task<SpireMintAuthority> opening = SpireMintAuthority.OpenAsync(Options(spire, isTcp: true), TimeProvider.System, new Random(1), new LineLogger(said), Cancellation);
        await SaidAsync(said, "no identity issued; nobody has registered this process");
        spire.HasEntry = true;
        await (await opening.WaitAsync(Patience, Cancellation)).DisposeAsync();
    }

    [Fact]
    public async Task AnotherSocketIsToldFromTheServers()
    {
        await using StandInSpire spire = await StandInSpire.StartAsync();
        spire.Fault = _ => new Status(StatusCode.Unimplemented, "unknown service spire.api.server.bundle.v1.Bundle");
        ConcurrentQueue<string> said = new();
        using CancellationTokenSource stop = CancellationTokenSource.CreateLinkedTokenSource(Cancellation);
        Task<SpireMintAuthority> opening = SpireMintAuthority.OpenAsync(Options(spire, isTcp: false), TimeProvider.System, new Random(1), new LineLogger(said), stop.Token);
        await SaidAsync(said, "--spire-server takes the server's own socket");
        await stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => opening);
    }

    private static TaskCompletionSource Expect(SpireMintAuthority authority, int roots)
    {
        TaskCompletionSource seen = new(TaskCreationOptions.RunContinuationsAsynchronously);
        authority.RootsChanged += () =>
        {
            if (authority.Roots.Length == roots) seen.TrySetResult();
        };
        return seen;
    }

    private static Task SaidAsync(ConcurrentQueue<string> lines, string part) => Soon.Holds($"a message that says: {part}", () => lines.Any(l => l.Contains(part, StringComparison.Ordinal)), () => string.Join(" | ", lines));

    private static SigningRequest Request(ECDsa key, byte[]? csr = null) =>
        new() { Csr = csr ?? CsrIdentity.Create(key, Web), Identity = Web, Lifetime = TimeSpan.FromMinutes(10) };

    private static byte[] Csr(ECDsa key, string subject, X509Extension extension)
    {
        CertificateRequest request = new(subject, key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(extension);
        return request.CreateSigningRequest();
    }

    private static SpireOptions Options(StandInSpire spire, bool isTcp) => isTcp
        ? new() { Address = new Uri($"https://127.0.0.1:{spire.Port}"), WorkloadApi = Endpoint(spire.AgentSocket), BundleInterval = TimeSpan.FromMilliseconds(50) }
        : new() { Socket = Endpoint(spire.ServerSocket), BundleInterval = TimeSpan.FromMilliseconds(50) };

    private static SpiffeEndpoint Endpoint(string path)
    {
        Assert.True(SpiffeEndpoint.TryParse("unix://" + path, out SpiffeEndpoint? endpoint, out string? error), error);
        return endpoint;
    }

    private static Task<SpireMintAuthority> OpenAsync(StandInSpire spire, bool isTcp = false, ConcurrentQueue<string>? said = null, TimeSpan? deadline = null) =>
        SpireMintAuthority.OpenAsync(deadline is { } patience ? Options(spire, isTcp) with { Deadline = patience } : Options(spire, isTcp), TimeProvider.System, new Random(1), new LineLogger(said ?? new()), Cancellation).WaitAsync(Patience, Cancellation);
}
