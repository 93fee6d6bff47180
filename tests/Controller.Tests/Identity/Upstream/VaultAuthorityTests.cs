using System.Security.Cryptography;
using Culvert.Controller.Identity;
using Culvert.Controller.Identity.Upstream;
using Culvert.Controller.Identity.Upstream.Vault;
using Culvert.Core;
using Culvert.Protocol;
using Culvert.Tests.Shared;
using Microsoft.Extensions.Logging.Abstractions;

namespace Culvert.Controller.Tests.Identity.Upstream;

/// <summary>An authority in Vault, against a server with its API: logins, what it certifies, and what is said when it does not.</summary>
public sealed class VaultAuthorityTests : IAsyncLifetime
{
    private static readonly SpiffeId Web = SpiffeId.ForServiceAccount("example.org", "shop", "web");
    private readonly TempFolder _folder = new();
    private readonly ManualTime _time = new(DateTimeOffset.UtcNow);
    private readonly List<CaFiles> _made = [];
    private StandInVault _vault = null!;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        _vault = await StandInVault.StartAsync();
        _vault.Issuers["one"] = Make();
    }

    public async ValueTask DisposeAsync()
    {
        await _vault.DisposeAsync();
        foreach (CaFiles made in _made) made.Dispose();
        _folder.Dispose();
    }

    [Theory]
    [InlineData("token")]
    [InlineData("approle")]
    [InlineData("kubernetes")]
    public async Task WhatIsSignedBelowItOpensslVerifies(string login)
    {
        await using SubordinateAuthority authority = await SubordinateAuthority.OpenAsync(new VaultAuthority(Options(login), TimeProvider.System), new(), TimeProvider.System, new Random(1), NullLogger.Instance, Cancellation);
        using ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        IssuedCertificate issued = await authority.SignAsync(new() { Csr = CsrIdentity.Create(key, Web), Identity = Web, Lifetime = TimeSpan.FromHours(1) }, Cancellation);
        Assert.Equal(2, issued.Chain.Length);
        Assert.Equal(1, _vault.Logins);
        await OpenSsl.VerifyAsync(_folder, authority.Roots, issued.Chain);
    }

    [Fact]
    public async Task RootsAreThoseIssuersThatAreRootsAndAnotherDefaultIsAnotherSigner()
    {
        await using VaultAuthority authority = new(Options("token"), _time);
        UpstreamState before = await authority.ReadAsync(Cancellation);
        Assert.Single(before.Roots);
        _vault.Issuers["two"] = Make(_vault.Issuers["one"]);
        UpstreamState known = await authority.ReadAsync(Cancellation);
        Assert.Equal((1, before.Signer), (known.Roots.Length, known.Signer));
        _vault.Issuers["three"] = Make();
        _vault.Default = "two";
        UpstreamState after = await authority.ReadAsync(Cancellation);
        Assert.Equal(2, after.Roots.Length);
        Assert.NotEqual(before.Signer, after.Signer);
        using ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        Assert.Equal(2, (await authority.CertifyAsync(key, "x", TimeSpan.FromDays(1), Cancellation)).Length);
    }

    [Fact]
    public async Task WhereTheRootIsElsewhereAFileNamesIt()
    {
        CaFiles root = Make();
        _vault.Issuers["one"] = Make(root);
        await using (VaultAuthority without = new(Options("token"), _time))
        {
            AuthorityException refused = await Assert.ThrowsAsync<AuthorityException>(() => without.ReadAsync(Cancellation));
            Assert.Contains("name a file with the roots, by --upstream-roots", refused.Message, StringComparison.Ordinal);
        }
        _folder.Write("upstream.pem", root.CertificatePem);
        await using VaultAuthority authority = new(Options("token") with { Roots = _folder.File("upstream.pem") }, _time);
        Assert.Equal(root.Certificate.RawData, Assert.Single((await authority.ReadAsync(Cancellation)).Roots).ToArray());
    }

    [Fact]
    public async Task NothingIsAskedForThatWouldOutliveTheIssuer()
    {
        _vault.Issuers["one"] = Make(shape: new() { Left = TimeSpan.FromHours(2) });
        await using VaultAuthority authority = new(Options("token"), _time);
        using ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        Assert.NotEmpty(await authority.CertifyAsync(key, "x", TimeSpan.FromDays(30), Cancellation));
        _time.Advance(TimeSpan.FromHours(2));
        AuthorityException ended = await Assert.ThrowsAsync<AuthorityException>(() => authority.CertifyAsync(key, "x", TimeSpan.FromDays(30), Cancellation));
        Assert.Contains("make another one the default", ended.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task ATokenIsRenewedAtHalfOfItsLifeAndMadeAnewWhereItIsNot()
    {
        await using VaultAuthority authority = new(Options("approle"), _time);
        await authority.ReadAsync(Cancellation);
        _time.Advance(TimeSpan.FromMinutes(29));
        await authority.ReadAsync(Cancellation);
        Assert.Equal((1, 0), (_vault.Logins, _vault.Renewals));
        _time.Advance(TimeSpan.FromMinutes(2));
        await authority.ReadAsync(Cancellation);
        await authority.ReadAsync(Cancellation);
        Assert.Equal((1, 1), (_vault.Logins, _vault.Renewals));
        _vault.IsRenewable = false;
        _time.Advance(TimeSpan.FromMinutes(31));
        await authority.ReadAsync(Cancellation);
        Assert.Equal((1, 2), (_vault.Logins, _vault.Renewals));
        _time.Advance(TimeSpan.FromMinutes(31));
        await authority.ReadAsync(Cancellation);
        Assert.Equal((2, 2), (_vault.Logins, _vault.Renewals));
    }

    [Theory]
    [InlineData(503, 1)]
    [InlineData(429, 1)]
    [InlineData(403, 2)] // it never will
    public async Task ATokenThatVaultCanNotRenewNowIsUsedAsLongAsItLasts(int status, int logins)
    {
        await using VaultAuthority authority = new(Options("approle"), _time);
        await authority.ReadAsync(Cancellation);
        _vault.RenewalStatus = status;
        _time.Advance(TimeSpan.FromMinutes(31));
        await authority.ReadAsync(Cancellation);
        Assert.Equal(logins, _vault.Logins);
        _time.Advance(TimeSpan.FromMinutes(30));
        await authority.ReadAsync(Cancellation);
        Assert.Equal(logins + 1, _vault.Logins);
    }

    [Fact]
    public async Task ATokenIsUsedToItsEndWhereThereIsNoOther()
    {
        await using VaultAuthority authority = new(Options("approle"), _time);
        await authority.ReadAsync(Cancellation);
        using ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        _vault.RenewalStatus = 403;
        _folder.Write("secret", "wrong");
        _time.Advance(TimeSpan.FromMinutes(31));
        await Assert.ThrowsAsync<AuthorityException>(() => authority.ReadAsync(Cancellation));
        Assert.NotEmpty(await authority.CertifyAsync(key, "x", TimeSpan.FromDays(1), Cancellation));
        _time.Advance(TimeSpan.FromMinutes(30));
        await Assert.ThrowsAsync<AuthorityException>(() => authority.CertifyAsync(key, "x", TimeSpan.FromDays(1), Cancellation));
    }

    [Fact]
    public async Task AFileOfRootsHasRootsInIt()
    {
        _folder.Write("upstream.pem", Make(Make()).CertificatePem);
        await IsRefusedAsync(AuthorityFailure.Misconfigured, "is no root: another one has certified it", Options("token") with { Roots = _folder.File("upstream.pem") });
    }

    [Fact]
    public async Task ATokenThatWasRevokedIsMadeAnew()
    {
        await using VaultAuthority authority = new(Options("approle"), _time);
        await authority.ReadAsync(Cancellation);
        _vault.RevokeTokens();
        using ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        await authority.CertifyAsync(key, "x", TimeSpan.FromDays(1), Cancellation);
        Assert.Equal(2, _vault.Logins);
    }

    [Fact]
    public async Task ATokenForEverIsNeverRenewed()
    {
        _vault.TokenSeconds = 0;
        await using VaultAuthority authority = new(Options("token"), _time);
        await authority.ReadAsync(Cancellation);
        _time.Advance(TimeSpan.FromDays(300));
        await authority.ReadAsync(Cancellation);
        Assert.Equal((1, 0), (_vault.Logins, _vault.Renewals));
    }

    [Theory]
    [InlineData("token", "bad", "403: permission denied. Has the token of")]
    [InlineData("approle", "bad", "400: invalid role or secret ID. Is the method mounted at auth/approle")]
    [InlineData("kubernetes", "bad", "403: permission denied. Is the method mounted at auth/kubernetes (--vault-auth-mount), and is the role 'culvert' bound to this service account")]
    [InlineData("token", "two\nlines", "is to have one line of text in it")]
    public async Task ALoginThatIsRefusedSaysWhatToLookAt(string login, string content, string message)
    {
        VaultOptions options = Options(login);
        foreach (string file in new[] { "token", "secret" }) _folder.Write(file, content);
        await using VaultAuthority authority = new(options, _time);
        AuthorityException refused = await Assert.ThrowsAsync<AuthorityException>(() => authority.ReadAsync(Cancellation));
        Assert.Equal(AuthorityFailure.Misconfigured, refused.Reason);
        Assert.Contains(message, refused.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("token", "token")]
    [InlineData("approle", "secret")]
    [Trait("Category", "Attack")]
    public async Task ASecretThatEverybodyMayOpenIsRefused(string login, string file)
    {
        VaultOptions options = Options(login);
        File.SetUnixFileMode(_folder.File(file), UnixFileMode.UserRead | UnixFileMode.OtherRead);
        await IsRefusedAsync(AuthorityFailure.Misconfigured, "is a secret that everybody may open (mode 0404)", options);
    }

    [Fact]
    public async Task ASealedVaultIsAskedAgainLater()
    {
        _vault.IsSealed = true;
        await IsRefusedAsync(AuthorityFailure.Unavailable, "503: Vault is sealed. Where it is sealed, unseal it.");
    }

    [Fact]
    public async Task AMissingPolicyIsNamed()
    {
        _vault.IsAllowed = false;
        await using VaultAuthority authority = new(Options("approle"), _time);
        await authority.ReadAsync(Cancellation);
        int logins = _vault.Logins;
        using ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        AuthorityException refused = await Assert.ThrowsAsync<AuthorityException>(() => authority.CertifyAsync(key, "x", TimeSpan.FromDays(1), Cancellation));
        Assert.Equal(AuthorityFailure.Misconfigured, refused.Reason);

        // One question whether the token is one, and no other login.
        Assert.Equal(logins + 1, _vault.Logins);
        Assert.Contains("path \"pki/root/sign-intermediate\" { capabilities = [\"update\"] }", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public Task AMountThatIsNotThereIsNamed() => IsRefusedAsync(AuthorityFailure.Misconfigured, "Is a PKI secrets engine mounted at 'elsewhere' (--vault-pki)", Options("token") with { Pki = "elsewhere" });

    [Theory]
    [InlineData("<html>")]
    [InlineData("[]")]
    [InlineData("{\"data\":{\"keys\":7,\"certificate\":7,\"ttl\":\"x\"}}")]
    [InlineData("{\"data\":{\"ttl\":0,\"certificate\":\"no PEM\"}}")]
    [Trait("Category", "Attack")]
    public Task AnAnswerThatIsNoneOfVaultsIsRefused(string answer)
    {
        _vault.Oddity = answer;
        return IsRefusedAsync(AuthorityFailure.Unavailable, "answered");
    }

    [Fact]
    public async Task AServerThatIsAwayIsNamed()
    {
        VaultOptions options = Options("token");
        await _vault.DisposeAsync();
        await IsRefusedAsync(AuthorityFailure.Unavailable, $"Vault at {options.Address.GetLeftPart(UriPartial.Authority)} can't be asked", options);
    }

    [Fact]
    [Trait("Category", "Attack")]
    public async Task OverTlsTheServersCertificateCounts()
    {
        CaFiles server = Make(), other = Make();
        await using StandInVault vault = await StandInVault.StartAsync(server);
        vault.Issuers["one"] = _vault.Issuers["one"];
        _folder.Write("server.pem", server.CertificatePem);
        _folder.Write("other.pem", other.CertificatePem);
        VaultOptions options = Options("token") with { Address = vault.Address };
        _folder.Write("token", vault.Issue());
        await using (VaultAuthority authority = new(options with { ServerRoots = _folder.File("server.pem") }, _time)) Assert.Single((await authority.ReadAsync(Cancellation)).Roots);
        await IsRefusedAsync(AuthorityFailure.Unavailable, "lead to a root of --vault-ca", options with { ServerRoots = _folder.File("other.pem") });
        await IsRefusedAsync(AuthorityFailure.Unavailable, "lead to a root of --vault-ca", options);
        Assert.Equal(1, vault.Logins);
    }

    private async Task IsRefusedAsync(AuthorityFailure reason, string message, VaultOptions? options = null)
    {
        await using VaultAuthority authority = new(options ?? Options("token"), _time);
        AuthorityException refused = await Assert.ThrowsAsync<AuthorityException>(() => authority.ReadAsync(Cancellation));
        Assert.Equal(reason, refused.Reason);
        Assert.Contains(message, refused.Message, StringComparison.Ordinal);
    }

    private VaultOptions Options(string login)
    {
        _folder.Write("role", StandInVault.RoleId + "\n");
        _folder.Write("secret", StandInVault.SecretId + "\n");
        _folder.Write("token", login == "kubernetes" ? StandInVault.PodToken : _vault.Issue() + "\n");
        foreach (string secret in new[] { "secret", "token" }) File.SetUnixFileMode(_folder.File(secret), UnixFileMode.UserRead | UnixFileMode.UserWrite);
        VaultLogin by = login switch
        {
            "approle" => new VaultLogin.AppRole(VaultLogin.AppRole.DefaultMount, _folder.File("role"), _folder.File("secret")),
            "kubernetes" => new VaultLogin.Kubernetes(VaultLogin.Kubernetes.DefaultMount, StandInVault.PodRole, _folder.File("token")),
            _ => new VaultLogin.Token(_folder.File("token")),
        };
        return new(_vault.Address, by);
    }

    private CaFiles Make(CaFiles? issuer = null, CaShape? shape = null)
    {
        CaFiles made = CaFiles.Make(issuer, shape: shape);
        _made.Add(made);
        return made;
    }
}
