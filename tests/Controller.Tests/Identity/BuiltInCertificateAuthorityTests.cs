using System.Collections.Immutable;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Culvert.Controller.Identity;
using Culvert.Controller.Identity.BuiltIn;
using Culvert.Core;
using Culvert.Protocol;
using Culvert.Tests.Shared;
using Microsoft.Extensions.Logging.Abstractions;

namespace Culvert.Controller.Tests;

public sealed class BuiltInCertificateAuthorityTests : IDisposable
{
    private static readonly SpiffeId Web = SpiffeId.ForServiceAccount("cluster.local", "shop", "web");
    private readonly TempFolder _folder = new();
    private readonly ManualTime _time = new();

    [Fact]
    public async Task OpenSslVerifiesTheChain()
    {
        await using BuiltInCertificateAuthority authority = await OpenAsync();
        IssuedCertificate issued = await SignAsync(authority, TimeSpan.FromHours(48));
        Assert.Equal(0, (await VerifyAsync(authority, issued, "sslserver")).Code);
        Assert.Equal(0, (await VerifyAsync(authority, issued, "sslclient")).Code);
        (_, string text) = await OpenSsl.RunAsync("x509", "-in", _folder.File("leaf.pem"), "-noout", "-text");
        Assert.Contains("URI:spiffe://cluster.local/ns/shop/sa/web", text, StringComparison.Ordinal);
        Assert.Contains("X509v3 Subject Alternative Name: critical", text, StringComparison.Ordinal);
        Assert.Contains("TLS Web Server Authentication, TLS Web Client Authentication", text, StringComparison.Ordinal);
        Assert.Contains("CA:FALSE", text, StringComparison.Ordinal);
        Assert.Contains("Digital Signature", text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task OpenSslRefusesTheChainOfAnotherRoot()
    {
        await using BuiltInCertificateAuthority authority = await OpenAsync(), other = await OpenAsync("other");
        IssuedCertificate issued = await SignAsync(authority, TimeSpan.FromHours(1));
        Assert.NotEqual(0, (await VerifyAsync(other, issued, "sslserver")).Code);
    }

    [Fact]
    public async Task OnlyThePublicKeyIsTakenFromTheRequest()
    {
        await using BuiltInCertificateAuthority authority = await OpenAsync();
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP384);
        var request = new CertificateRequest("CN=admin", key, HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        names.AddUri(new Uri("spiffe://cluster.local/ns/shop/sa/admin"));
        request.CertificateExtensions.Add(names.Build());
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        IssuedCertificate issued = await authority.SignAsync(new() { Csr = request.CreateSigningRequest(), Identity = Web, Lifetime = TimeSpan.FromHours(1) }, default);
        using X509Certificate2 leaf = X509CertificateLoader.LoadCertificate(issued.Chain[0].Span);
        Assert.Empty(leaf.Subject);
        Assert.True(SvidReader.TryRead(leaf, out SpiffeId? id));
        Assert.Equal(Web, id);
        Assert.False(leaf.Extensions.OfType<X509BasicConstraintsExtension>().Single().CertificateAuthority);
        Assert.Equal(key.ExportSubjectPublicKeyInfo(), leaf.PublicKey.ExportSubjectPublicKeyInfo());
    }

    [Fact]
    public async Task BadRequestsAreRefusedWithReason()
    {
        await using BuiltInCertificateAuthority authority = await OpenAsync();
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        byte[] good = new CertificateRequest("", key, HashAlgorithmName.SHA256).CreateSigningRequest();
        byte[] forged = [.. good];
        forged[^1] ^= 1;
        using var small = RSA.Create(1024);
        using var odd = ECDsa.Create(ECCurve.NamedCurves.nistP521);
        (byte[] Csr, string Reason)[] bad =
        [
            ([], "0 bytes long"), (new byte[20_000], "20000 bytes long"), ([1, 2, 3], "not valid"), (forged, "not valid"), ([.. good, 0], "further bytes"), (good[..^5], "not valid"),
            (new CertificateRequest("", small, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1).CreateSigningRequest(), "1024 bits"),
            (new CertificateRequest("", odd, HashAlgorithmName.SHA256).CreateSigningRequest(), "P-256 and P-384 are"),
            (WithCurveOf(good, [0x06, 0x08, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x03, 0x01, 0x06]), "P-256 and P-384 are"), // another curve than the point is on
            (WithCurveOf(good, [0x30, 0x08, 0x02, 0x01, 0x01, 0x30, 0x03, 0x02, 0x01, 0x01]), "P-256 and P-384 are"), // coefficients written out
            (WithCurveOf(good, [0x05, 0x00, 0x04, 0x06, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00]), "not valid"),
        ];
        foreach ((byte[] csr, string reason) in bad)
        {
            AuthorityException refused = await Assert.ThrowsAsync<AuthorityException>(() => authority.SignAsync(new() { Csr = csr, Identity = Web, Lifetime = TimeSpan.FromHours(1) }, default));
            Assert.Contains(reason, refused.Message, StringComparison.Ordinal);
        }

        static byte[] WithCurveOf(byte[] csr, ReadOnlySpan<byte> parameters)
        {
            ReadOnlySpan<byte> p256 = [0x06, 0x08, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x03, 0x01, 0x07];
            byte[] changed = [.. csr];
            parameters.CopyTo(changed.AsSpan(changed.AsSpan().IndexOf(p256)));
            return changed;
        }
    }

    [Fact]
    public async Task MutatedRequestsAreRefusedOrSignedNeverElse()
    {
        await using BuiltInCertificateAuthority authority = await OpenAsync();
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        byte[] good = new CertificateRequest("", key, HashAlgorithmName.SHA256).CreateSigningRequest();
        var random = new Random(11);
        int refused = 0;
        for (int i = 0; i < 1000; i++)
        {
            byte[] csr = [.. good];
            for (int n = random.Next(1, 4); n > 0; n--) csr[random.Next(csr.Length)] = (byte)random.Next(256);
            try
            {
                await authority.SignAsync(new() { Csr = csr, Identity = Web, Lifetime = TimeSpan.FromHours(1) }, default);
            }
            catch (AuthorityException)
            {
                refused++;
            }
        }
        Assert.InRange(refused, 900, 1000);
    }

    [Fact]
    public async Task AnIntermediateThatIsRevokedSignsNothingMore()
    {
        await using BuiltInCertificateAuthority authority = await OpenAsync();
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        SigningRequest request = new() { Csr = new CertificateRequest("", key, HashAlgorithmName.SHA256).CreateSigningRequest(), Identity = Web, Lifetime = TimeSpan.FromHours(1) };
        CertificateSerial first = SvidReader.SerialOf((await authority.SignAsync(request, default)).Chain[1]);
        authority.Revoke([SvidReader.SerialOf((await authority.SignAsync(request, default)).Chain[0])]);
        Assert.Equal(first, SvidReader.SerialOf((await authority.SignAsync(request, default)).Chain[1]));
        authority.Revoke([first]);
        Assert.NotEqual(first, SvidReader.SerialOf((await authority.SignAsync(request, default)).Chain[1]));
    }

    [Fact]
    public async Task LifetimesVaryWithinTheJitterAndBeginInThePast()
    {
        await using BuiltInCertificateAuthority authority = await OpenAsync();
        var lifetimes = new HashSet<TimeSpan>();
        var serials = new HashSet<string>(StringComparer.Ordinal);
        for (int i = 0; i < 50; i++)
        {
            IssuedCertificate issued = await SignAsync(authority, TimeSpan.FromHours(48), jitter: 0.25);
            Assert.Equal(_time.GetUtcNow() - TimeSpan.FromSeconds(30), issued.NotBefore);
            TimeSpan lifetime = issued.NotAfter - _time.GetUtcNow();
            Assert.InRange(lifetime, TimeSpan.FromHours(36) - TimeSpan.FromSeconds(1), TimeSpan.FromHours(60));
            lifetimes.Add(lifetime);
            using X509Certificate2 leaf = X509CertificateLoader.LoadCertificate(issued.Chain[0].Span);
            Assert.Equal(16, leaf.SerialNumberBytes.Length);
            Assert.True(serials.Add(leaf.SerialNumber));
            Assert.Equal(issued.NotAfter.UtcDateTime, leaf.NotAfter.ToUniversalTime());
        }
        Assert.InRange(lifetimes.Count, 40, 50);
    }

    [Fact]
    public async Task IntermediateIsReplacedAndOldChainsStayValid()
    {
        await using BuiltInCertificateAuthority authority = await OpenAsync();
        IssuedCertificate first = await SignAsync(authority, TimeSpan.FromHours(48));
        _time.Advance(TimeSpan.FromDays(1));
        IssuedCertificate same = await SignAsync(authority, TimeSpan.FromHours(48));
        Assert.Equal(first.Chain[1].ToArray(), same.Chain[1].ToArray());
        _time.Advance(TimeSpan.FromDays(15));
        IssuedCertificate later = await SignAsync(authority, TimeSpan.FromHours(48));
        Assert.NotEqual(first.Chain[1].ToArray(), later.Chain[1].ToArray());
        Assert.Equal(0, (await VerifyAsync(authority, later, "sslserver")).Code);
    }

    [Fact]
    public async Task RootIsReplacedWithOverlap()
    {
        await using BuiltInCertificateAuthority authority = await OpenAsync();
        int raised = 0;
        authority.RootsChanged += () => raised++;
        ReadOnlyMemory<byte> old = Assert.Single(authority.Roots);
        IssuedCertificate before = await SignAsync(authority, TimeSpan.FromHours(48));

        await authority.RotateRootAsync(false, TestContext.Current.CancellationToken);
        Assert.Equal((2, 1), (authority.Roots.Length, raised));
        await Assert.ThrowsAsync<InvalidOperationException>(() => authority.RotateRootAsync(false, TestContext.Current.CancellationToken));
        IssuedCertificate waiting = await SignAsync(authority, TimeSpan.FromHours(48));
        Assert.Equal(0, (await VerifyAsync([old], waiting, "sslserver")).Code);

        _time.Advance(TimeSpan.FromMinutes(6));
        IssuedCertificate after = await SignAsync(authority, TimeSpan.FromHours(48));
        Assert.NotEqual(0, (await VerifyAsync([old], after, "sslserver")).Code);
        Assert.Equal(0, (await VerifyAsync(authority, after, "sslserver")).Code);
        Assert.Equal(0, (await VerifyAsync(authority, before, "sslserver")).Code);

        _time.Advance(TimeSpan.FromHours(47));
        Assert.Equal(2, authority.Roots.Length);
        _time.Advance(TimeSpan.FromHours(48));
        Assert.Equal((1, 2), (authority.Roots.Length, raised));
        Assert.NotEqual(old.ToArray(), authority.Roots[0].ToArray());
        Assert.Single(Directory.GetFiles(_folder.File("ca"), "*.key.pem"));
    }

    [Fact]
    public async Task TheControllersChainLeadsToEveryRootThatAnAgentMayStillKnow()
    {
        await using BuiltInCertificateAuthority authority = await OpenAsync();
        ReadOnlyMemory<byte> first = Assert.Single(authority.Roots);
        await SignAsync(authority, TimeSpan.FromHours(48));
        await authority.RotateRootAsync(false, TestContext.Current.CancellationToken);
        ReadOnlyMemory<byte> second = authority.Roots[1];
        for (int hour = 0; authority.Roots.Length == 2 || hour < 48; hour += 5)
        {
            await ExpectAsync([first]);
            if (hour > 0) await ExpectAsync([second]);
            _time.Advance(TimeSpan.FromHours(5));
            Assert.True(hour < 200, "the old root never leaves");
        }

        // The first has left the bundle, and its key is deleted; whoever knows it alone can still verify the controller, and nobody else.
        Assert.Equal(second.ToArray(), Assert.Single(authority.Roots).ToArray());
        Assert.Equal(first.ToArray(), Assert.Single(authority.RetiredRoots).ToArray());
        Assert.Single(Directory.GetFiles(_folder.File("ca"), "*.key.pem"));
        await ExpectAsync([first]);
        Assert.NotEqual(0, (await VerifyAsync([first], await SignAsync(authority, TimeSpan.FromHours(1)), "sslserver")).Code);

        // Once more: from the first root to the third in two steps, also by an authority that was started anew.
        await authority.RotateRootAsync(false, TestContext.Current.CancellationToken);
        _time.Advance(TimeSpan.FromHours(1));
        await ExpectAsync([first]);
        await using BuiltInCertificateAuthority again = await OpenAsync();
        Assert.Equal(0, (await VerifyAsync([first], await SignAsync(again, TimeSpan.FromHours(1), leadsToOlderRoots: true), "sslserver")).Code);

        _time.Advance(TimeSpan.FromDays(8));
        Assert.DoesNotContain(authority.RetiredRoots, r => r.Span.SequenceEqual(first.Span));
        Assert.DoesNotContain(authority.Roots, r => r.Span.SequenceEqual(first.Span));

        async Task ExpectAsync(ImmutableArray<ReadOnlyMemory<byte>> roots)
        {
            (int code, string output) = await VerifyAsync(roots, await SignAsync(authority, TimeSpan.FromHours(48), leadsToOlderRoots: true), "sslserver");
            Assert.True(code == 0, output);
        }
    }

    [Fact]
    public async Task AnyRootButTheOneThatSignsIsRemovedAtOnceAndTheOthersStayConnected()
    {
        await using BuiltInCertificateAuthority authority = await OpenAsync();
        ReadOnlyMemory<byte> first = authority.Roots[0];
        IssuedCertificate below = await SignAsync(authority, TimeSpan.FromHours(48));
        await Assert.ThrowsAsync<InvalidOperationException>(() => authority.RemoveRootAsync(Ids()[0], TestContext.Current.CancellationToken));
        await authority.RotateRootAsync(true, TestContext.Current.CancellationToken);
        ReadOnlyMemory<byte> second = authority.Roots[1];
        _time.Advance(TimeSpan.FromSeconds(1));
        await authority.RotateRootAsync(false, TestContext.Current.CancellationToken);
        await Assert.ThrowsAsync<InvalidOperationException>(() => authority.RemoveRootAsync(Ids()[1], TestContext.Current.CancellationToken));
        await authority.RotateRootAsync(true, TestContext.Current.CancellationToken);
        Assert.Equal(3, authority.Roots.Length);
        Assert.NotEqual(0, (await VerifyAsync([second], await SignAsync(authority, TimeSpan.FromHours(1)), "sslserver")).Code);

        // From the middle: who knows the first only still finds the controller.
        await authority.RemoveRootAsync(Ids()[1], TestContext.Current.CancellationToken);
        Assert.Equal(2, authority.Roots.Length);
        Assert.Equal(2, Directory.GetFiles(_folder.File("ca"), "*.key.pem").Length);
        Assert.Equal(0, (await VerifyAsync([first], await SignAsync(authority, TimeSpan.FromHours(1), leadsToOlderRoots: true), "sslserver")).Code);

        await authority.RemoveRootAsync(Ids().First(id => File.Exists(_folder.File($"ca/root-{id}.key.pem"))), TestContext.Current.CancellationToken);
        Assert.NotEqual(0, (await VerifyAsync(authority, below, "sslserver")).Code);
        Assert.Equal(0, (await VerifyAsync([first], await SignAsync(authority, TimeSpan.FromHours(1), leadsToOlderRoots: true), "sslserver")).Code);
        Assert.Equal(2, authority.RemovedRoots.Length);
        await using BuiltInCertificateAuthority again = await OpenAsync();
        Assert.Equal((1, 2), (again.Roots.Length, again.RemovedRoots.Length));

        string[] Ids() => [.. FolderRootStore.ReadRecords(_folder.File("ca")).Select(r => r.Id)];
    }

    [Fact]
    public async Task AFullDiskEndsNoRenewals()
    {
        await using BuiltInCertificateAuthority authority = await OpenAsync();
        await SignAsync(authority, TimeSpan.FromHours(1));
        string ca = _folder.File("ca");
        Directory.Move(ca, ca + ".away");
        File.WriteAllText(ca, "no folder: nothing can be written here");
        _time.Advance(TimeSpan.FromHours(40));
        IssuedCertificate issued = await SignAsync(authority, TimeSpan.FromHours(48));
        Assert.Equal(0, (await VerifyAsync(authority, issued, "sslserver")).Code);
        await Assert.ThrowsAnyAsync<IOException>(() => authority.RotateRootAsync(false, TestContext.Current.CancellationToken));
        Assert.Single(authority.Roots);

        // What was not written is, as soon as it can be.
        File.Delete(ca);
        Directory.Move(ca + ".away", ca);
        string before = File.ReadAllText(_folder.File("ca/roots.json"));
        _time.Advance(TimeSpan.FromMinutes(2));
        Assert.NotEqual(before, File.ReadAllText(_folder.File("ca/roots.json")));
    }

    [Fact]
    public async Task RootNearItsEndIsReplacedByItself()
    {
        await using BuiltInCertificateAuthority authority = await OpenAsync();
        _time.Advance(TimeSpan.FromDays(3650 * 0.89));
        Assert.Single(authority.Roots);
        _time.Advance(TimeSpan.FromDays(3650 * 0.02));
        IssuedCertificate issued = await SignAsync(authority, TimeSpan.FromHours(48));
        Assert.Equal(0, (await VerifyAsync(authority, issued, "sslserver")).Code);
        Assert.InRange(authority.Roots.Length, 1, 2);
    }

    [Fact]
    public async Task RestartKeepsTheRootAndFilesArePrivate()
    {
        ImmutableArray<ReadOnlyMemory<byte>> before;
        await using (BuiltInCertificateAuthority authority = await OpenAsync())
        {
            await authority.RotateRootAsync(false, TestContext.Current.CancellationToken);
            before = authority.Roots;
        }
        await using BuiltInCertificateAuthority again = await OpenAsync();
        Assert.Equal(before.Select(r => r.ToArray()), again.Roots.Select(r => r.ToArray()));
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute, File.GetUnixFileMode(_folder.File("ca")));
        Assert.All(Directory.GetFiles(_folder.File("ca")), f => Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(f)));
    }

    [Fact]
    public async Task OpenOrDamagedFilesAreRefusedWithTheRemedy()
    {
        await (await OpenAsync()).DisposeAsync();
        string key = Directory.GetFiles(_folder.File("ca"), "*.key.pem")[0];
        File.SetUnixFileMode(key, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.OtherRead);
        Assert.Contains("chmod 0600", (await Assert.ThrowsAsync<IOException>(OpenFirstAsync)).Message, StringComparison.Ordinal);
        File.SetUnixFileMode(key, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        File.WriteAllText(key, "nonsense");
        Assert.Contains("damaged", (await Assert.ThrowsAsync<InvalidDataException>(OpenFirstAsync)).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(null, "is missing")]
    [InlineData("[]", "names no root")]
    [InlineData("null", "names no root")]
    public async Task LostIndexIsNotANewMesh(string? index, string reason)
    {
        await (await OpenAsync()).DisposeAsync();
        string path = _folder.File("ca/roots.json");
        if (index is null) File.Delete(path);
        else File.WriteAllText(path, index);
        string message = (await Assert.ThrowsAsync<InvalidDataException>(OpenFirstAsync)).Message;
        Assert.Contains(reason, message, StringComparison.Ordinal);
        Assert.Contains("Restore it from a backup", message, StringComparison.Ordinal);
        Assert.Single(Directory.GetFiles(_folder.File("ca"), "*.key.pem"));
    }

    public void Dispose() => _folder.Dispose();

    private Task<BuiltInCertificateAuthority> OpenFirstAsync() => OpenAsync();

    private Task<BuiltInCertificateAuthority> OpenAsync(string name = "ca") =>
        BuiltInCertificateAuthority.OpenAsync(new(), new FolderRootStore(_folder.File(name)), _time, new Random(5), NullLogger.Instance, TestContext.Current.CancellationToken);

    private static async Task<IssuedCertificate> SignAsync(BuiltInCertificateAuthority authority, TimeSpan lifetime, double jitter = 0, bool leadsToOlderRoots = false)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        byte[] csr = new CertificateRequest("", key, HashAlgorithmName.SHA256).CreateSigningRequest();
        return await authority.SignAsync(new() { Csr = csr, Identity = Web, Lifetime = lifetime, Jitter = jitter, LeadsToOlderRoots = leadsToOlderRoots }, default);
    }

    private Task<(int Code, string Output)> VerifyAsync(BuiltInCertificateAuthority authority, IssuedCertificate issued, string purpose) => VerifyAsync(authority.Roots, issued, purpose);

    private async Task<(int Code, string Output)> VerifyAsync(ImmutableArray<ReadOnlyMemory<byte>> roots, IssuedCertificate issued, string purpose)
    {
        OpenSsl.WritePem(_folder.File("roots.pem"), roots);
        OpenSsl.WritePem(_folder.File("leaf.pem"), issued.Chain[0]);
        OpenSsl.WritePem(_folder.File("chain.pem"), issued.Chain.Skip(1));
        string at = _time.GetUtcNow().ToUnixTimeSeconds().ToString(System.Globalization.CultureInfo.InvariantCulture);
        string[] untrusted = issued.Chain.Length > 1 ? ["-untrusted", _folder.File("chain.pem")] : [];
        return await OpenSsl.RunAsync(["verify", "-x509_strict", "-attime", at, "-purpose", purpose, "-CAfile", _folder.File("roots.pem"), .. untrusted, _folder.File("leaf.pem")]);
    }
}
