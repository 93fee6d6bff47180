using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Culvert.Controller.Identity;
using Culvert.Controller.Identity.Upstream;
using Culvert.Tests.Shared;

namespace Culvert.Controller.Tests.Identity.Upstream;

/// <summary>Keys that a provider of OpenSSL signs with. Its own, which is there everywhere, has them of files, and takes the place of a token's.</summary>
public sealed class TokenKeyTests : IDisposable
{
    private readonly TempFolder _folder = new();

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("P-256")]
    [InlineData("P-384")]
    [InlineData("RSA-2048")]
    public async Task AProvidersKeySignsWhatOpensslVerifies(string kind)
    {
        using CaFiles authority = CaFiles.Make(key: kind switch
        {
            "P-256" => ECDsa.Create(ECCurve.NamedCurves.nistP256),
            "P-384" => ECDsa.Create(ECCurve.NamedCurves.nistP384),
            _ => RSA.Create(2048),
        });
        DiskOptions options = new(Write("ca.pem", authority.CertificatePem), Write("key.pem", authority.KeyPem), null);
        using TokenKey token = new("default", "file:" + options.Key, TimeProvider.System);
        using DiskFiles files = DiskFiles.Read(options, authority.CertificatePem, c => token.Open(options, c), null, DateTimeOffset.UtcNow);
        using ECDsa below = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        using X509Certificate2 signed = CertificateFactory.CreateIntermediate(below, "below", files.Certificate, files.Signer, DateTimeOffset.UtcNow.AddMinutes(-1), DateTimeOffset.UtcNow.AddHours(1));
        OpenSsl.WritePem(_folder.File("signed"), signed.RawData);
        (int code, string output) = await OpenSsl.RunAsync("verify", "-x509_strict", "-CAfile", options.Certificate, _folder.File("signed"));
        Assert.True(code == 0, output);
    }

    [Fact]
    public void AKeyOfAnotherCertificateIsRefused()
    {
        using CaFiles authority = CaFiles.Make(), other = CaFiles.Make();
        DiskOptions options = new(Write("ca.pem", authority.CertificatePem), Write("key.pem", other.KeyPem), null);
        using TokenKey token = new("default", "file:" + options.Key, TimeProvider.System);
        AuthorityException refusal = Assert.Throws<AuthorityException>(() => DiskFiles.Read(options, authority.CertificatePem, c => token.Open(options, c), null, DateTimeOffset.UtcNow));
        Assert.Contains("is not the key of", refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void AThreadThatHasSignedCanEndWhenTheTokenWasLetGoOfByAnother()
    {
        using CaFiles authority = CaFiles.Make();
        DiskOptions options = new(Write("ca.pem", authority.CertificatePem), Write("key.pem", authority.KeyPem), null);
        using TokenKey token = new("default", "file:" + options.Key, TimeProvider.System);
        using ManualResetEventSlim hasSigned = new(), isLetGo = new();
        Thread signer = new(() =>
        {
            token.Open(options, authority.Certificate).Dispose();
            hasSigned.Set();
            isLetGo.Wait(Cancellation);
        });
        signer.Start();
        hasSigned.Wait(Cancellation);
        token.Dispose();
        GC.Collect();
        GC.WaitForPendingFinalizers();
        isLetGo.Set();
        signer.Join(); // else the process is gone
    }

    [Fact]
    public async Task ATokenThatIsNotThereIsSaidSo()
    {
        using CaFiles made = CaFiles.Make();
        await using DiskAuthority authority = new(new(Write("ca.pem", made.CertificatePem), "pkcs11:token=nowhere;object=ca", null), TimeProvider.System);
        AuthorityException failure = await Assert.ThrowsAsync<AuthorityException>(() => authority.ReadAsync(Cancellation));
        Assert.Equal(AuthorityFailure.Unavailable, failure.Reason);
        Assert.StartsWith("The key pkcs11:token=nowhere;object=ca can't be used: ", failure.Message, StringComparison.Ordinal);
        Assert.Contains("PKCS11_PROVIDER_MODULE", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void ATokenThatHasRefusedIsLeftAloneForAWhileUnlessItsPinChanges()
    {
        using CaFiles authority = CaFiles.Make();
        string pin = Write("pin", "1234");
        File.SetUnixFileMode(pin, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        DiskOptions options = new(Write("ca.pem", authority.CertificatePem), _folder.File("key.pem"), null);
        ManualTime time = new(DateTimeOffset.UtcNow);
        string uri = $"file:{options.Key}?pin-source=file:{pin}", key = uri["file:".Length..]; // of a file OpenSSL's own provider takes it all for the name
        using TokenKey token = new("default", uri, time);
        IsRefused();
        Directory.CreateDirectory(Path.GetDirectoryName(key)!);
        File.WriteAllText(key, authority.KeyPem);
        IsRefused();
        File.SetLastWriteTimeUtc(pin, DateTime.UtcNow.AddSeconds(1));
        token.Open(options, authority.Certificate).Dispose();

        token.LeaveAlone(new(AuthorityFailure.Unavailable, $"The key {uri} can't be used: it is away"));
        time.Advance(TokenKey.Pause / 2);
        IsRefused();
        time.Advance(TokenKey.Pause / 2);
        token.Open(options, authority.Certificate).Dispose();

        void IsRefused() => Assert.StartsWith($"The key {uri} can't be used: ", Assert.Throws<AuthorityException>(() => token.Open(options, authority.Certificate)).Message, StringComparison.Ordinal);
    }

    [Fact]
    [Trait("Category", "Attack")]
    public async Task APinThatEverybodyMayReadIsRefused()
    {
        using CaFiles made = CaFiles.Make();
        string pin = Write("pin", "1234");
        File.SetUnixFileMode(pin, UnixFileMode.UserRead | UnixFileMode.OtherRead);
        await using DiskAuthority authority = new(new(Write("ca.pem", made.CertificatePem), $"pkcs11:object=ca?pin-source=file:{pin}", null), TimeProvider.System);
        AuthorityException failure = await Assert.ThrowsAsync<AuthorityException>(() => authority.ReadAsync(Cancellation));
        Assert.Equal($"{pin} is a secret that everybody may open (mode 0404): chmod 0600 it, or set defaultMode: 0440 of a Secret's volume.", failure.Message);
    }

    private string Write(string name, string text)
    {
        _folder.Write(name, text);
        return _folder.File(name);
    }
}
