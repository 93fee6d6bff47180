using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Culvert.Controller.Identity;
using Culvert.Controller.Identity.Upstream;
using Culvert.Core;
using Culvert.Protocol;
using Microsoft.Extensions.Logging.Abstractions;

namespace Culvert.Controller.Tests.Identity.Upstream;

/// <summary>An authority in files: what is signed below it, and what is said of files that can't be used.</summary>
public sealed class DiskAuthorityTests : IDisposable
{
    private static readonly SpiffeId Web = SpiffeId.ForServiceAccount("example.org", "shop", "web");
    private readonly TempFolder _folder = new();
    private readonly List<CaFiles> _made = [];

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public void Dispose()
    {
        foreach (CaFiles made in _made) made.Dispose();
        _folder.Dispose();
    }

    [Theory]
    [InlineData("P-256", false)]
    [InlineData("P-256", true)]
    [InlineData("P-384", true)]
    [InlineData("RSA-2048", false)]
    [InlineData("RSA-2048", true)]
    public async Task WhatIsSignedBelowItOpensslVerifies(string kind, bool isBelowRoot)
    {
        CaFiles root = Make(key: KeyOf(kind)), authority = isBelowRoot ? Make(root, KeyOf(kind)) : root;
        await using SubordinateAuthority signing = await OpenAsync(Write(authority.CertificatePem, authority.KeyPem, isBelowRoot ? root.CertificatePem : null));
        using ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        IssuedCertificate issued = await signing.SignAsync(Request(key), Cancellation);

        Assert.Equal(isBelowRoot ? 3 : 2, issued.Chain.Length);
        Assert.Equal(root.Certificate.RawData, Assert.Single(signing.Roots).ToArray());
        await OpenSsl.VerifyAsync(_folder, signing.Roots, issued.Chain);
    }

    [Fact]
    public async Task WhatIsSignedEndsNoLaterThanTheAuthority()
    {
        CaFiles root = Make(), authority = Make(root, shape: new() { Left = TimeSpan.FromHours(3) });
        await using SubordinateAuthority signing = await OpenAsync(Write(authority.CertificatePem, authority.KeyPem, root.CertificatePem));
        using ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        IssuedCertificate issued = await signing.SignAsync(Request(key) with { Lifetime = TimeSpan.FromHours(48) }, Cancellation);
        Assert.Equal(new DateTimeOffset(authority.Certificate.NotAfter.ToUniversalTime()), issued.NotAfter);
    }

    [Fact]
    public async Task NamesThatAnAuthorityMayNotCertifyAreRefusedWhereTheyAreSigned()
    {
        CaFiles root = Make(), authority = Make(root, shape: new() { Others = [CaShape.UrisOnlyOf("elsewhere.example")] });
        await using SubordinateAuthority signing = await OpenAsync(Write(authority.CertificatePem, authority.KeyPem, root.CertificatePem));
        using ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        AuthorityException failure = await Assert.ThrowsAsync<AuthorityException>(() => signing.SignAsync(Request(key), Cancellation));
        Assert.Equal(AuthorityFailure.Misconfigured, failure.Reason);
        Assert.Contains($"by which nobody takes {Web}: ", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public Task AnAuthorityThatHasEndedIsRefused()
    {
        CaFiles ended = Make(shape: new() { Left = TimeSpan.FromDays(-1) });
        return IsRefusedAsync(Write(ended.CertificatePem, ended.KeyPem), "leads to no root of");
    }

    [Fact]
    public Task AnAuthorityThatIsNoneIsRefused()
    {
        CaFiles leaf = Make(shape: new() { IsAuthority = false });
        return IsRefusedAsync(Write(leaf.CertificatePem, leaf.KeyPem), "is no authority: its basic constraints have no CA:TRUE");
    }

    [Fact]
    public Task AnAuthorityThatMayNotSignIsRefused()
    {
        CaFiles mute = Make(shape: new() { Usage = X509KeyUsageFlags.CrlSign });
        return IsRefusedAsync(Write(mute.CertificatePem, mute.KeyPem), "its key usage lacks keyCertSign");
    }

    [Fact]
    public Task AnAuthorityThatMayHaveNoneBelowIsRefusedWithTheRemedy()
    {
        CaFiles last = Make(shape: new() { PathLength = 0 });
        return IsRefusedAsync(Write(last.CertificatePem, last.KeyPem), "have one with a path length of 1 or more issued");
    }

    [Fact]
    public Task AnAuthorityWithoutKeyIdentifierIsRefused()
    {
        CaFiles nameless = Make(shape: new() { HasKeyIdentifier = false });
        return IsRefusedAsync(Write(nameless.CertificatePem, nameless.KeyPem), "has no subject key identifier");
    }

    [Fact]
    public Task AnAuthorityThatIsNoRootNeedsOne()
    {
        CaFiles root = Make(), authority = Make(root);
        return IsRefusedAsync(Write(authority.CertificatePem, authority.KeyPem), "name a file with the roots, by --upstream-roots");
    }

    [Fact]
    public Task ARootThatIsNoneIsToldWhereItBelongs()
    {
        CaFiles root = Make(), middle = Make(root), authority = Make(middle);
        return IsRefusedAsync(Write(authority.CertificatePem, authority.KeyPem, middle.CertificatePem), "what leads to a root belongs into");
    }

    [Fact]
    public Task AnAuthorityOfAnotherRootIsRefused()
    {
        CaFiles root = Make(), other = Make(), authority = Make(root);
        return IsRefusedAsync(Write(authority.CertificatePem, authority.KeyPem, other.CertificatePem), "leads to no root of");
    }

    [Fact]
    public Task TheKeyOfAnotherIsRefused() => IsRefusedAsync(Write(Make().CertificatePem, Make().KeyPem), "is not the key of");

    [Fact]
    public Task AKeyOfAnotherKindIsRefused() => IsRefusedAsync(Write(Make().CertificatePem, Make(key: KeyOf("RSA-2048")).KeyPem), "has no key of the kind that");

    [Fact]
    public Task AnEncryptedKeyIsRefused()
    {
        CaFiles authority = Make();
        string encrypted = authority.Key.ExportEncryptedPkcs8PrivateKeyPem("secret", new(PbeEncryptionAlgorithm.Aes256Cbc, HashAlgorithmName.SHA256, 1000));
        return IsRefusedAsync(Write(authority.CertificatePem, encrypted), "openssl pkey -in");
    }

    [Fact]
    public Task WhatIsNoPemIsRefused() => IsRefusedAsync(Write("no certificate", Make().KeyPem), "has no certificate: it is read as PEM");

    [Fact]
    public Task ADamagedCertificateIsRefused() => IsRefusedAsync(Write("-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n", Make().KeyPem), "has something that is no certificate");

    [Fact]
    public Task AFileThatIsNotThereIsNamed() => IsRefusedAsync(new(_folder.File("nowhere.pem"), _folder.File("key.pem"), null), "nowhere.pem can't be read");

    [Fact]
    [Trait("Category", "Attack")]
    public Task AKeyThatEverybodyMayReadIsRefused()
    {
        CaFiles authority = Make();
        DiskOptions files = Write(authority.CertificatePem, authority.KeyPem);
        File.SetUnixFileMode(files.Key, UnixFileMode.UserRead | UnixFileMode.OtherRead);
        return IsRefusedAsync(files, "is a secret that everybody may open (mode 0404)");
    }

    private static AsymmetricAlgorithm KeyOf(string kind) => kind switch
    {
        "P-256" => ECDsa.Create(ECCurve.NamedCurves.nistP256),
        "P-384" => ECDsa.Create(ECCurve.NamedCurves.nistP384),
        _ => RSA.Create(2048),
    };

    private static SigningRequest Request(ECDsa key) => new() { Csr = CsrIdentity.Create(key, Web), Identity = Web, Lifetime = TimeSpan.FromHours(1) };

    private static Task<SubordinateAuthority> OpenAsync(DiskOptions files) =>
        SubordinateAuthority.OpenAsync(new DiskAuthority(files, TimeProvider.System), new(), TimeProvider.System, new Random(1), NullLogger.Instance, Cancellation);

    private static async Task IsRefusedAsync(DiskOptions files, string why)
    {
        await using DiskAuthority authority = new(files, TimeProvider.System);
        AuthorityException failure = await Assert.ThrowsAsync<AuthorityException>(() => authority.ReadAsync(Cancellation));
        Assert.Equal(AuthorityFailure.Misconfigured, failure.Reason);
        Assert.Contains(why, failure.Message, StringComparison.Ordinal);
    }

    private CaFiles Make(CaFiles? issuer = null, AsymmetricAlgorithm? key = null, CaShape? shape = null)
    {
        CaFiles made = CaFiles.Make(issuer, key, shape);
        _made.Add(made);
        return made;
    }

    private DiskOptions Write(string certificate, string key, string? roots = null)
    {
        _folder.Write("ca.pem", certificate);
        _folder.Write("key.pem", key);
        File.SetUnixFileMode(_folder.File("key.pem"), UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead);
        if (roots is not null) _folder.Write("roots.pem", roots);
        return new(_folder.File("ca.pem"), _folder.File("key.pem"), roots is null ? null : _folder.File("roots.pem"));
    }
}
