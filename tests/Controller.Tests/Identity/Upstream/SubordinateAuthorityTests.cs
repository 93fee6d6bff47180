using System.Collections.Concurrent;
using System.Collections.Immutable;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Culvert.Controller.Identity;
using Culvert.Controller.Identity.Upstream;
using Culvert.Core;
using Culvert.Kubernetes.Metrics;
using Culvert.Protocol;
using Culvert.Tests.Shared;
using Microsoft.Extensions.Logging;

namespace Culvert.Controller.Tests.Identity.Upstream;

/// <summary>The life of an authority below an upstream one: renewal, other roots, and an upstream authority that is away.</summary>
public sealed class SubordinateAuthorityTests : IDisposable
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(5), Activation = TimeSpan.FromMinutes(5);
    private static readonly SpiffeId Web = SpiffeId.ForServiceAccount("example.org", "shop", "web");
    private readonly ManualTime _time = new(DateTimeOffset.UtcNow);
    private readonly TempFolder _folder = new();
    private readonly ConcurrentQueue<string> _said = new();
    private readonly List<CaFiles> _made = [];

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public void Dispose()
    {
        foreach (CaFiles made in _made) made.Dispose();
        _folder.Dispose();
    }

    [Fact]
    public async Task AnotherOneTakesOverAtHalfOfItsLife()
    {
        CaFiles root = Make();
        await using SubordinateAuthority authority = await OpenAsync(root, root.CertificatePem);
        string first = await SignerAsync(authority);
        await AdvanceAsync(TimeSpan.FromDays(15) - Interval);
        Assert.Equal(first, await SignerAsync(authority));
        await AdvanceAsync(2 * Interval);
        Assert.NotEqual(first, await SignerAsync(authority));
    }

    [Fact]
    public async Task ANewRootIsInTheBundleForAWhileBeforeItSigns()
    {
        CaFiles old = Make(), next = Make();
        await using SubordinateAuthority authority = await OpenAsync(old, old.CertificatePem);
        string first = await SignerAsync(authority);
        Write(next, old.CertificatePem + next.CertificatePem);
        await AdvanceAsync(Interval);
        Assert.Equal(2, authority.Roots.Length);
        Assert.Equal(first, await SignerAsync(authority));
        await AdvanceAsync(Activation - Interval);
        Assert.Equal(first, await SignerAsync(authority));
        await AdvanceAsync(2 * Interval);
        Assert.NotEqual(first, await SignerAsync(authority));
        Assert.True(IsBelow(next, await SignAsync(authority)));
    }

    [Fact]
    public async Task OfARootThatIsTakenBackNothingIsSignedAnyMore()
    {
        CaFiles old = Make(), next = Make();
        await using SubordinateAuthority authority = await OpenAsync(old, old.CertificatePem);

        // Agents ask for others as soon as they hear of it.
        List<Task<IssuedCertificate>> asked = [];
        authority.RootsChanged += () => asked.Add(SignAsync(authority));
        Write(next, next.CertificatePem);
        await AdvanceAsync(Interval);
        Assert.Equal(next.Certificate.RawData, Assert.Single(authority.Roots).ToArray());
        Assert.True(IsBelow(next, await Assert.Single(asked)));
    }

    [Fact]
    public async Task FilesThatDoNotFitYetChangeNothingUntilTheyDo()
    {
        CaFiles old = Make(), next = Make();
        await using SubordinateAuthority authority = await OpenAsync(old, old.CertificatePem);
        string first = await SignerAsync(authority);
        _folder.Write("key.pem", next.KeyPem);
        await AdvanceAsync(Interval);
        await AdvanceAsync(Interval);
        Assert.Equal(first, await SignerAsync(authority));
        Assert.Single(_said, l => l.Contains("signs on while it is valid and trusted", StringComparison.Ordinal) && l.Contains("is not the key of", StringComparison.Ordinal));
        Write(next, next.CertificatePem);
        await AdvanceAsync(Interval);
        Assert.True(IsBelow(next, await SignAsync(authority)));
    }

    [Fact]
    public async Task WithoutUpstreamItSignsAsLongAsItLastsAndSaysThenWhyNot()
    {
        CaFiles root = Make();
        await using SubordinateAuthority authority = await OpenAsync(root, root.CertificatePem);
        File.Delete(_folder.File("key.pem"));
        await AdvanceAsync(TimeSpan.FromDays(29));
        IssuedCertificate last = await SignAsync(authority);
        Assert.True(last.NotAfter <= _time.GetUtcNow() + TimeSpan.FromDays(1));
        await AdvanceAsync(TimeSpan.FromDays(2));
        AuthorityException failure = await Assert.ThrowsAsync<AuthorityException>(() => SignAsync(authority));
        Assert.Equal(AuthorityFailure.Unavailable, failure.Reason);
        Assert.Contains("it was last asked in vain: ", failure.Message, StringComparison.Ordinal);
        Assert.Contains("key.pem can't be read", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task ThatItNearsItsEndIsSaidAndMeasured()
    {
        using AuthorityMetrics metrics = new();
        using KubernetesMetrics others = new();
        using PrometheusExporter exporter = new(others, _time, metrics.Meter);
        CaFiles root = Make(new() { Left = TimeSpan.FromDays(10) });
        await using SubordinateAuthority authority = await OpenAsync(new DiskAuthority(Write(root, root.CertificatePem), _time), metrics);
        Assert.Single(_said, l => l.Contains($"nears its end: {root.Certificate.Subject} ends at", StringComparison.Ordinal));
        long end = new DateTimeOffset(root.Certificate.NotAfter).ToUnixTimeSeconds();
        string[] ends = [$"culvert_authority_signer_not_after_timestamp_seconds {end}", $"culvert_authority_upstream_not_after_timestamp_seconds {end}"];
        Assert.Equal([.. ends, "culvert_authority_upstream_usable 1"], Measured(exporter));
        File.Delete(_folder.File("key.pem"));
        await AdvanceAsync(Interval);
        Assert.Equal([.. ends, "culvert_authority_upstream_usable 0"], Measured(exporter));
        await AdvanceAsync(TimeSpan.FromDays(11));
        Assert.Equal(["culvert_authority_signer_not_after_timestamp_seconds 0", ends[1], "culvert_authority_upstream_usable 0"], Measured(exporter));
    }

    [Fact]
    public void OtherRootsAreSaidByName()
    {
        CaFiles old = Make(), next = Make();
        UpstreamState before = new([old.Certificate.RawData], ""), after = new([old.Certificate.RawData, next.Certificate.RawData], "");
        Assert.Equal($"{next.Certificate.Subject} ({next.Certificate.GetCertHashString(HashAlgorithmName.SHA256)[..12].ToLowerInvariant()})", after.DescribeRootsBeside(before));
        Assert.Equal("none", before.DescribeRootsBeside(after));
    }

    [Fact]
    public async Task ItWaitsForFilesThatCanBeUsedAndSaysWhatIsWrong()
    {
        CaFiles root = Make();
        Task<SubordinateAuthority> opening = OpenAsync(root, null);
        await _time.TimersAsync(1);
        Assert.Contains(_said, l => l.Contains("roots.pem can't be read", StringComparison.Ordinal));
        Write(root, root.CertificatePem);
        _time.Advance(Interval);
        await using SubordinateAuthority authority = await opening.WaitAsync(TimeSpan.FromSeconds(30), Cancellation);
        await SignAsync(authority);
    }

    [Fact]
    public async Task ARootThatIsTakenBackIsToldWhereNothingCanTakeItsPlaceAndNothingIsSignedBelowIt()
    {
        CaFiles root = Make(), other = Make();
        FailingUpstream upstream = new(new DiskAuthority(Write(root, root.CertificatePem), _time)) { State = new([root.Certificate.RawData], "a") };
        await using SubordinateAuthority authority = await OpenAsync(upstream);
        upstream.Certifying = new AuthorityException(AuthorityFailure.Unavailable, "away");
        upstream.State = new([other.Certificate.RawData], "b");
        await AdvanceAsync(Interval);
        Assert.Equal(other.Certificate.RawData, Assert.Single(authority.Roots).ToArray());
        Assert.Contains("it was last asked in vain: away", (await Assert.ThrowsAsync<AuthorityException>(() => SignAsync(authority))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task OneThatMayNotCertifyTheMeshsNamesTakesNobodysPlace()
    {
        CaFiles root = Make(), narrow = CaFiles.Make(root, shape: new() { Others = [CaShape.UrisOnlyOf("elsewhere.example")] });
        _made.Add(narrow);
        await using SubordinateAuthority authority = await OpenAsync(root, root.CertificatePem);
        string first = await SignerAsync(authority);
        Write(narrow, root.CertificatePem);
        await AdvanceAsync(Interval);
        Assert.Equal(first, await SignerAsync(authority));
        Assert.Contains(_said, l => l.Contains("signs nothing for example.org that anybody takes: ", StringComparison.Ordinal));
    }

    [Fact]
    public async Task OneThatIsRevokedSignsNothingMoreAlsoWhereNothingCanTakeItsPlace()
    {
        CaFiles root = Make();
        await using SubordinateAuthority authority = await OpenAsync(root, root.CertificatePem);
        CertificateSerial serial = SvidReader.SerialOf((await SignAsync(authority)).Chain[1]);
        File.Delete(_folder.File("key.pem"));
        authority.Revoke([serial]);
        await Assert.ThrowsAsync<AuthorityException>(() => SignAsync(authority));
    }

    [Fact]
    public async Task WhatIsPreparedTakesOverAlsoWhileTheUpstreamAuthorityCanNotBeRead()
    {
        CaFiles old = Make(), next = Make();
        await using SubordinateAuthority authority = await OpenAsync(old, old.CertificatePem);
        Write(next, old.CertificatePem + next.CertificatePem);
        await AdvanceAsync(Interval);
        File.Delete(_folder.File("key.pem"));
        await AdvanceAsync(Activation);
        await AdvanceAsync(Interval);
        Assert.True(IsBelow(next, await SignAsync(authority)));
    }

    [Fact]
    public async Task WhatCanNotBeUsedIsNotAskedForAgainAtOnce()
    {
        CaFiles root = Make(), other = Make();
        FailingUpstream upstream = new(new DiskAuthority(Write(root, root.CertificatePem), _time)) { State = new([root.Certificate.RawData], "a") };
        await using SubordinateAuthority authority = await OpenAsync(upstream);

        // What it certifies leads to the root of before.
        upstream.State = new([other.Certificate.RawData], "b");
        for (int i = 0; i < 20; i++) await AdvanceAsync(Interval);
        Assert.InRange(upstream.Certified, 3, 7);
        Assert.Single(_said, l => l.Contains("leads to none of the roots", StringComparison.Ordinal));
    }

    [Fact]
    public async Task OneThatIsRevokedIsReplacedAndOneBelowWhatIsRevokedIsNone()
    {
        CaFiles root = Make();
        await using SubordinateAuthority authority = await OpenAsync(root, root.CertificatePem);
        IssuedCertificate first = await SignAsync(authority);
        authority.Revoke([SvidReader.SerialOf(first.Chain[1])]);
        await AdvanceAsync(Interval);
        IssuedCertificate second = await SignAsync(authority);
        Assert.NotEqual(SvidReader.SerialOf(first.Chain[1]), SvidReader.SerialOf(second.Chain[1]));

        CaFiles middle = CaFiles.Make(root);
        _made.Add(middle);

        // Before it is told of a revocation, which has it look at once: not at files that are being written.
        Write(middle, root.CertificatePem);
        authority.Revoke([CertificateSerial.Of(middle.Certificate.SerialNumberBytes.Span)]);
        await AdvanceAsync(Interval);
        Assert.Contains(_said, l => l.Contains("leads over certificate", StringComparison.Ordinal) && l.Contains("which is revoked", StringComparison.Ordinal));
        Assert.Equal(2, (await SignAsync(authority)).Chain.Length);
    }

    [Fact]
    public async Task ManySignAtOnceWhileItIsReplaced()
    {
        CaFiles root = Make();
        await using SubordinateAuthority authority = await OpenAsync(root, root.CertificatePem);
        using CancellationTokenSource done = new();
        Task<int>[] signing = [.. Enumerable.Range(0, 8).Select(_ => Task.Run(async () =>
        {
            int signed = 0;
            do
            {
                await SignAsync(authority);
                signed++;
            }
            while (!done.IsCancellationRequested);
            return signed;
        }))];
        for (int i = 0; i < 5; i++)
        {
            CaFiles next = Make();
            Write(next, next.CertificatePem);
            await AdvanceAsync(Interval);
        }
        await done.CancelAsync();
        Assert.All(await Task.WhenAll(signing), signed => Assert.True(signed > 0));
    }

    private static bool IsBelow(CaFiles root, IssuedCertificate issued)
    {
        using X509Certificate2 intermediate = X509CertificateLoader.LoadCertificate(issued.Chain[^1].Span);
        return intermediate.IssuerName.RawData.AsSpan().SequenceEqual(root.Certificate.SubjectName.RawData);
    }

    private static async Task<string> SignerAsync(SubordinateAuthority authority) => CertificateFingerprint.Of((await SignAsync(authority)).Chain[1]);

    private static async Task<IssuedCertificate> SignAsync(SubordinateAuthority authority)
    {
        using ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        return await authority.SignAsync(new() { Csr = CsrIdentity.Create(key, Web), Identity = Web, Lifetime = TimeSpan.FromHours(48) }, Cancellation);
    }

    /// <summary>Moves the clock on, and waits until what came due of it is done.</summary>
    private async Task AdvanceAsync(TimeSpan by)
    {
        _time.Advance(by);
        await _time.TimersAsync(1);
    }

    private Task<SubordinateAuthority> OpenAsync(CaFiles authority, string? roots) => OpenAsync(new DiskAuthority(Write(authority, roots), _time));

    private static IEnumerable<string> Measured(PrometheusExporter exporter) =>
        Encoding.UTF8.GetString(exporter.Render().Span).Split('\n').Where(l => l.StartsWith("culvert_authority_", StringComparison.Ordinal)).Order(StringComparer.Ordinal);

    private async Task<SubordinateAuthority> OpenAsync(IUpstreamAuthority upstream, AuthorityMetrics? metrics = null)
    {
        SubordinateAuthority opened = await SubordinateAuthority.OpenAsync(
            upstream, new() { Interval = Interval, RootActivationDelay = Activation }, _time, new Random(1), new LineLogger(_said), Cancellation, metrics);
        await _time.TimersAsync(1);
        return opened;
    }

    /// <summary>Another authority, whose state is told, and that certifies nothing where it is told so.</summary>
    private sealed class FailingUpstream(IUpstreamAuthority inner) : IUpstreamAuthority
    {
        public required UpstreamState State { get; set; }

        public AuthorityException? Certifying { get; set; }

        public int Certified { get; private set; }

        public string Place => inner.Place;

        public string? TrustDomain => null;

        public Task<UpstreamState> ReadAsync(CancellationToken cancellationToken) => Task.FromResult(State);

        public Task<ImmutableArray<ReadOnlyMemory<byte>>> CertifyAsync(ECDsa key, string name, TimeSpan lifetime, CancellationToken cancellationToken)
        {
            Certified++;
            return Certifying is { } failure ? throw failure : inner.CertifyAsync(key, name, lifetime, cancellationToken);
        }

        public ValueTask DisposeAsync() => inner.DisposeAsync();
    }

    private CaFiles Make(CaShape? shape = null)
    {
        CaFiles made = CaFiles.Make(shape: shape);
        _made.Add(made);
        return made;
    }

    private DiskOptions Write(CaFiles authority, string? roots)
    {
        _folder.Write("ca.pem", authority.CertificatePem);
        _folder.Write("key.pem", authority.KeyPem);
        File.SetUnixFileMode(_folder.File("key.pem"), UnixFileMode.UserRead | UnixFileMode.UserWrite);
        if (roots is not null) _folder.Write("roots.pem", roots);
        return new(_folder.File("ca.pem"), _folder.File("key.pem"), _folder.File("roots.pem"));
    }
}
