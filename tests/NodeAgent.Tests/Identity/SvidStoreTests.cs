using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Culvert.Core;
using Culvert.NodeAgent.Identity;
using Culvert.NodeAgent.Proxy.Model;
using Culvert.Protocol;
using Culvert.Protocol.Spiffe;
using Culvert.Tests.Shared;
using Grpc.Core;
using Microsoft.Extensions.Logging.Abstractions;

namespace Culvert.NodeAgent.Tests.Identity;

public sealed class SvidStoreTests : IDisposable
{
    private static readonly SpiffeId Web = SpiffeId.ForServiceAccount("cluster.local", "shop", "web");
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);
    private readonly string _folder = Directory.CreateTempSubdirectory("culvert-svid").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task AWantedIdentityGetsACertificateForItsOwnKey()
    {
        await using SvidStore store = Store(new TestIssuer(TimeSpan.FromHours(48)));
        Svid svid = await FirstChangeAsync(store, () => store.Want(Wanted()));
        using X509Certificate2 leaf = X509CertificateLoader.LoadCertificate(svid.Chain[0]);
        using ECDsa key = ECDsa.Create();
        key.ImportPkcs8PrivateKey(svid.PrivateKey.Use(k => k.ToArray()), out _);
        Assert.Equal(leaf.PublicKey.ExportSubjectPublicKeyInfo(), key.ExportSubjectPublicKeyInfo());
        Assert.DoesNotContain(Convert.ToBase64String(svid.PrivateKey.Use(k => k.ToArray()))[20..40], svid.ToString(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(KeyKind.P256, "1.2.840.10045.2.1", 256)]
    [InlineData(KeyKind.P384, "1.2.840.10045.2.1", 384)]
    [InlineData(KeyKind.Rsa2048, "1.2.840.113549.1.1.1", 2048)]
    [InlineData(KeyKind.Rsa4096, "1.2.840.113549.1.1.1", 4096)]
    public async Task KeysAreOfTheKindThatIsWantedAndAreKept(KeyKind kind, string algorithm, int bits)
    {
        SvidCache cache = new(_folder, TimeProvider.System, NullLogger.Instance);
        await using SvidStore store = new(new TestIssuer(TimeSpan.FromHours(48)), cache, TimeProvider.System, NullLogger.Instance) { KeyKind = kind };
        Svid svid = await FirstChangeAsync(store, () => store.Want(Wanted()));
        using X509Certificate2 leaf = X509CertificateLoader.LoadCertificate(svid.Chain[0]);
        using AsymmetricAlgorithm key = (AsymmetricAlgorithm?)leaf.GetECDsaPublicKey() ?? leaf.GetRSAPublicKey()!;
        Assert.Equal((algorithm, bits), (leaf.PublicKey.Oid.Value, key.KeySize));
        Svid kept = cache.Load(Web)!;
        Assert.Equal(svid.Chain[0], kept.Chain[0]);
        using X509Certificate2 joined = kept.PrivateKey.Use(k => CertificateKey.Join(leaf, k.Span));
        Assert.True(joined.HasPrivateKey);
    }

    [Fact]
    public async Task ShortLivedCertificatesAreRenewedBeforeTheyEnd()
    {
        ManualTime time = new(DateTimeOffset.UtcNow);
        await using SvidStore store = new(new TestIssuer(TimeSpan.FromHours(2)), null, time, NullLogger.Instance);
        Svid current = await FirstChangeAsync(store, () => store.Want(Wanted()));
        for (int version = 2; version <= 3; version++)
        {
            await time.TimersAsync(1);
            Svid before = current;
            current = await FirstChangeAsync(store, () => time.Advance((before.NotAfter - time.GetUtcNow()) * 0.75));
            Assert.Equal(version, current.Version);
            Assert.True(time.GetUtcNow() < before.NotAfter);
        }
    }

    [Fact]
    public async Task ABackdatedStartDoesNotHastenTheRenewal()
    {
        TestIssuer issuer = new(TimeSpan.FromHours(3)) { NotBefore = DateTimeOffset.UtcNow.AddHours(-2.9) };
        await using SvidStore store = Store(issuer);
        await FirstChangeAsync(store, () => store.Want(Wanted()));
        store.RenewLongerThan(TimeSpan.FromHours(1));
        TaskCompletionSource again = new();
        store.Changed += _ => again.TrySetResult();
        await Assert.ThrowsAsync<TimeoutException>(() => again.Task.WaitAsync(TimeSpan.FromMilliseconds(300)));
        Assert.Equal(1, issuer.Calls);
    }

    [Fact]
    public async Task AFailingAuthorityIsAskedAgainUntilItAnswers()
    {
        TestIssuer issuer = new(TimeSpan.FromHours(1)) { Failures = 3 };
        await using SvidStore store = Store(issuer);
        Svid svid = await FirstChangeAsync(store, () => store.Want(Wanted()));
        Assert.Equal(1, svid.Version);
        Assert.Equal(4, issuer.Calls);
    }

    [Theory]
    [InlineData(90, 90)]
    [InlineData(7200, 600)]
    public async Task AnAuthorityThatSaysWhenToComeAgainIsNotAskedBefore(int said, int heeded)
    {
        TestIssuer issuer = new(TimeSpan.FromHours(1)) { Failure = new RpcException(new Status(StatusCode.ResourceExhausted, "too much"), new Metadata { { RetryPushback.Name, $"{said * 1000}" } }) };
        WaitRecorder time = new();
        await using SvidStore store = new(issuer, null, time, NullLogger.Instance);
        store.Want(Wanted());
        TimeSpan wait = await time.First.WaitAsync(Patience);
        Assert.InRange(wait, TimeSpan.FromSeconds(heeded), TimeSpan.FromSeconds(heeded * 1.25));
        Assert.Equal(1, issuer.Calls);
    }

    [Fact]
    public async Task AShorterLifetimeOfTheMeshRenewsAtOnce()
    {
        TestIssuer issuer = new(TimeSpan.FromHours(48));
        await using SvidStore store = Store(issuer);
        await FirstChangeAsync(store, () => store.Want(Wanted()));
        issuer.Lifetime = TimeSpan.FromHours(1);
        Svid renewed = await FirstChangeAsync(store, () => store.RenewLongerThan(TimeSpan.FromHours(2)));
        Assert.Equal(2, renewed.Version);
    }

    [Fact]
    public async Task ARenewalLongBeforeItsTimeIsTriedAgainWhenItFails()
    {
        TestIssuer issuer = new(TimeSpan.FromHours(48));
        await using SvidStore store = Store(issuer);
        await FirstChangeAsync(store, () => store.Want(Wanted()));
        issuer.Failures = 3;
        Svid renewed = await FirstChangeAsync(store, () => store.RenewUnless(_ => false));
        Assert.Equal((2, 4), (renewed.Version, issuer.Calls));
    }

    [Fact]
    public async Task ACertificateWhoseRootHasLeftTheBundleIsReplacedAtOnceAndNoOther()
    {
        TestIssuer issuer = new(TimeSpan.FromHours(48));
        await using SvidStore store = Store(issuer);
        TlsIdentityTable table = new(store, TimeProvider.System, NullLogger.Instance);
        Svid first = await FirstChangeAsync(store, () => store.Want(Wanted()));
        using ECDsa otherKey = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        byte[] old = issuer.Root(), other = TestIssuer.RootOf(otherKey);
        table.Update(new TrustBundle("cluster.local", [old]), new HashSet<SpiffeId> { Web });
        table.Update(new TrustBundle("cluster.local", [old, other]), new HashSet<SpiffeId> { Web });
        table.Update(new TrustBundle("cluster.local", [old]), new HashSet<SpiffeId> { Web });
        Assert.Equal(1, issuer.Calls);

        Svid second = await FirstChangeAsync(store, () => table.Update(new TrustBundle("cluster.local", [other]), new HashSet<SpiffeId> { Web }));
        Assert.Equal(first.Version + 1, second.Version);
        Assert.NotNull(table.Find(Web));
    }

    [Fact]
    public async Task OtherKeysForTokensAreToldAndLeaveTlsAsItIs()
    {
        TestIssuer issuer = new(TimeSpan.FromHours(48));
        await using SvidStore store = Store(issuer);
        TlsIdentityTable table = new(store, TimeProvider.System, NullLogger.Instance);
        await FirstChangeAsync(store, () => store.Want(Wanted()));
        TrustBundle bundle = new("cluster.local", [issuer.Root()]);
        table.Update(bundle, new HashSet<SpiffeId> { Web });
        TlsIdentity before = table.Find(Web)!;
        int told = 0;
        table.Changed += () => told++;
        using ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        TrustBundle other = new("cluster.local", bundle.Roots) { JwtKeys = [JwtKey.FromPublicKey("k", key.ExportSubjectPublicKeyInfo())!] };
        table.Update(other, new HashSet<SpiffeId> { Web });
        table.Update(other, new HashSet<SpiffeId> { Web });

        // Tunnels are drained whose identity is another one.
        Assert.Same(before, table.Find(Web));
        Assert.Equal((1, 1), (told, issuer.Calls));
    }

    [Fact]
    public async Task ARevokedCertificateIsReplacedAtOnceAndNoOther()
    {
        TestIssuer issuer = new(TimeSpan.FromHours(48));
        await using SvidStore store = Store(issuer);
        TlsIdentityTable table = new(store, TimeProvider.System, NullLogger.Instance);
        Svid first = await FirstChangeAsync(store, () => store.Want(Wanted()));
        CertificateSerial serial = SvidReader.SerialOf(first.Chain[0]);
        table.Revoke(new() { Serials = [CertificateSerial.Of([0x77])], Identities = [Web] });
        Assert.Equal(1, issuer.Calls);

        Svid second = await FirstChangeAsync(store, () => table.Revoke(new() { Serials = [serial] }));
        Assert.Equal((2, 2), (second.Version, issuer.Calls));
        Assert.Equal([serial], table.Revoked.Serials);
    }

    [Fact]
    public async Task WhatIsSignedBelowARevokedAuthorityIsNotTakenAndAskedForAgain()
    {
        using ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        TestIssuer issuer = new(TimeSpan.FromHours(48)) { Above = TestIssuer.RootOf(key) };
        await using SvidStore store = Store(issuer);
        store.Revoke(new() { Serials = [SvidReader.SerialOf(issuer.Above)] });
        store.Want(Wanted());
        await issuer.CallsAsync(2);
        Assert.Contains("which is revoked", Assert.Single(store.List()).LastError, StringComparison.Ordinal);
        Assert.Null(store.Find(Web));

        Svid taken = await FirstChangeAsync(store, () => issuer.Above = null);
        Assert.Single(taken.Chain);
    }

    [Fact]
    public async Task ARestartedAgentHasItsCertificateAtOnceFromAFileThatOnlyItsOwnerCanRead()
    {
        SvidCache cache = new(_folder, TimeProvider.System, NullLogger.Instance);
        Svid first;
        await using (SvidStore store = Store(new TestIssuer(TimeSpan.FromHours(48)), cache)) first = await FirstChangeAsync(store, () => store.Want(Wanted()));
        TestIssuer absent = new(TimeSpan.FromHours(48)) { Failures = int.MaxValue };
        await using SvidStore restarted = Store(absent, cache);
        restarted.Want(Wanted());
        Assert.Equal(first.Chain[0], restarted.Find(Web)!.Chain[0]);
        Assert.Equal(first.PrivateKey.Use(k => k.ToArray()), restarted.Find(Web)!.PrivateKey.Use(k => k.ToArray()));
        string file = Assert.Single(Directory.GetFiles(Path.Combine(_folder, "svids")));
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(file));
        restarted.Want(new Dictionary<SpiffeId, string>());
        Assert.Empty(Directory.GetFiles(Path.Combine(_folder, "svids")));
    }

    [Fact]
    public async Task NothingIsLeftOnTheDiskOfWhatIsNotToBeUsedAnyMore()
    {
        SvidCache cache = new(_folder, TimeProvider.System, NullLogger.Instance);
        await using SvidStore store = Store(new TestIssuer(TimeSpan.FromHours(48)), cache);
        await FirstChangeAsync(store, () => store.Want(Wanted()));
        Assert.Single(Directory.GetFiles(Path.Combine(_folder, "svids")));
        cache.Clear();
        Assert.Empty(Directory.GetFiles(Path.Combine(_folder, "svids")));
    }

    [Fact]
    public async Task WhatComesWhenNobodyWantsItAnyMoreIsNotKept()
    {
        SvidCache cache = new(_folder, TimeProvider.System, NullLogger.Instance);
        TaskCompletionSource answer = new(TaskCreationOptions.RunContinuationsAsynchronously);
        TestIssuer issuer = new(TimeSpan.FromHours(48)) { Until = answer.Task };
        int changes = 0;
        await using (SvidStore store = Store(issuer, cache))
        {
            store.Changed += _ => changes++;
            store.Want(Wanted());
            await issuer.Asked.Task.WaitAsync(Patience);
            store.Want(new Dictionary<SpiffeId, string>());
            answer.SetResult();
        }
        Assert.Equal(0, changes);
        Assert.Empty(Directory.GetFiles(Path.Combine(_folder, "svids")));
    }

    [Fact]
    public async Task AnIdentityThatComesBackWithItsCertificateIsInUseAtOnce()
    {
        SvidCache cache = new(_folder, TimeProvider.System, NullLogger.Instance);
        TestIssuer issuer = new(TimeSpan.FromHours(48));
        await using (SvidStore before = Store(issuer, cache)) await FirstChangeAsync(before, () => before.Want(Wanted()));
        await using SvidStore store = Store(new TestIssuer(TimeSpan.FromHours(48)) { Failures = int.MaxValue }, cache);
        TlsIdentityTable tls = new(store, TimeProvider.System, NullLogger.Instance);
        TrustBundle bundle = new("cluster.local", [issuer.Root()]);
        tls.Update(bundle, new HashSet<SpiffeId>());
        Assert.Null(tls.Find(Web));
        store.Want(Wanted());
        tls.Update(bundle, new HashSet<SpiffeId> { Web });
        Assert.NotNull(tls.Find(Web));
    }

    [Fact]
    public async Task ARenewedCertificateIsUsedWhereItCanNotBeKept()
    {
        SvidCache cache = new(_folder, TimeProvider.System, NullLogger.Instance);
        // Nothing can be written below a file; as with a full run folder.
        Directory.Delete(Path.Combine(_folder, "svids"));
        File.WriteAllText(Path.Combine(_folder, "svids"), "");
        TestIssuer issuer = new(TimeSpan.FromHours(48));
        await using SvidStore store = Store(issuer, cache);
        Svid first = await FirstChangeAsync(store, () => store.Want(Wanted()));
        Assert.Same(first, store.Find(Web));
        Svid second = await FirstChangeAsync(store, () => store.RenewLongerThan(TimeSpan.FromHours(1)));
        Assert.Equal(2, second.Version);
        Assert.Null(Assert.Single(store.List()).LastError);
        store.Want(new Dictionary<SpiffeId, string>());
        Assert.Null(cache.Load(Web));
    }

    [Fact]
    public void ADamagedOrExpiredFileIsRemoved()
    {
        SvidCache cache = new(_folder, TimeProvider.System, NullLogger.Instance);
        TestIssuer issuer = new(TimeSpan.FromHours(1)) { NotBefore = DateTimeOffset.UtcNow.AddHours(-2) };
        using ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        IssuedCertificate issued = issuer.Sign(new CertificateRequest("O=x", key, HashAlgorithmName.SHA256).CreateSigningRequest());
        cache.Save(new Svid(Web, 1, issued.Chain, PrivateKeyBytes.Of(key), issued.NotBefore, issued.NotAfter, DateTimeOffset.UtcNow));
        Assert.Null(cache.Load(Web));
        string[] left = Directory.GetFiles(Path.Combine(_folder, "svids"));
        Assert.Empty(left);
    }

    private static Dictionary<SpiffeId, string> Wanted() => new() { [Web] = "shop/web" };

    private static SvidStore Store(TestIssuer issuer, SvidCache? cache = null) => new(issuer, cache, TimeProvider.System, NullLogger.Instance);

    private static async Task<Svid> FirstChangeAsync(SvidStore store, Action act)
    {
        TaskCompletionSource<Svid> changed = new(TaskCreationOptions.RunContinuationsAsynchronously);
        void On(Svid svid) => changed.TrySetResult(svid);
        store.Changed += On;
        act();
        Svid result = await changed.Task.WaitAsync(Patience);
        store.Changed -= On;
        return result;
    }

    /// <summary>Tells how long the first wait is to be; nothing ever comes due.</summary>
    private sealed class WaitRecorder : TimeProvider
    {
        private readonly TaskCompletionSource<TimeSpan> _first = new(TaskCreationOptions.RunContinuationsAsynchronously);

        internal Task<TimeSpan> First => _first.Task;

        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
        {
            _first.TrySetResult(dueTime);
            return base.CreateTimer(callback, state, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        }
    }
}
