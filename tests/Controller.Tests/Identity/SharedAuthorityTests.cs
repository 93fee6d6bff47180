using System.Collections.Immutable;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Culvert.Controller.Hosting;
using Culvert.Controller.Identity;
using Culvert.Controller.Identity.BuiltIn;
using Culvert.Core;
using Culvert.Kubernetes.Tests.Support;
using Culvert.Tests.Shared;
using Microsoft.Extensions.Logging.Abstractions;

namespace Culvert.Controller.Tests;

/// <summary>Several authorities with one store: they have the same roots, whoever changes them.</summary>
public sealed class SharedAuthorityTests : IAsyncDisposable
{
    private readonly ManualTime _time = new();
    private readonly SharedStore _shared = new();
    private readonly List<BuiltInCertificateAuthority> _opened = [];

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    public async ValueTask DisposeAsync()
    {
        foreach (BuiltInCertificateAuthority authority in _opened) await authority.DisposeAsync();
    }

    [Fact]
    public async Task WhoeverComesFirstMakesTheFirstRoot()
    {
        _shared.Hold();
        Task<BuiltInCertificateAuthority> one = OpenAsync(), other = OpenAsync();
        _shared.LetGo();
        Assert.Equal(Bundle(await one), Bundle(await other));
        Assert.Single((await one).Roots);
    }

    [Fact]
    public async Task ACertificateOfOneLeadsToTheRootOfTheOther()
    {
        BuiltInCertificateAuthority one = await OpenAsync(), other = await OpenAsync();
        IssuedCertificate issued = await SignAsync(one, TimeSpan.FromHours(1)), second = await SignAsync(other, TimeSpan.FromHours(1));
        Assert.True(IsTrusted(other, issued));
        Assert.True(IsTrusted(one, second));

        // Each has an intermediate of its own, and no two have one name.
        using X509Certificate2 first = X509CertificateLoader.LoadCertificate(issued.Chain[1].Span), next = X509CertificateLoader.LoadCertificate(second.Chain[1].Span);
        Assert.NotEqual(first.Subject, next.Subject);
    }

    [Fact]
    public async Task ANewRootOfOneIsInTheBundleOfTheOtherAndSignsAtBothAtOneMoment()
    {
        BuiltInCertificateAuthority one = await OpenAsync(), other = await OpenAsync();
        await one.RotateRootAsync(signNow: false, Stop);
        await HaveTheSameAsync(one, other, 2);
        await Assert.ThrowsAsync<InvalidOperationException>(() => other.RotateRootAsync(signNow: false, Stop));
        _time.Advance(TimeSpan.FromMinutes(6));
        ReadOnlyMemory<byte> newest = other.Roots[^1];
        foreach (BuiltInCertificateAuthority authority in new[] { one, other }) Assert.True(IsTrusted([newest], await SignAsync(authority, TimeSpan.FromHours(1))));
    }

    [Fact]
    public async Task OfTwoThatReplaceTheRootAtOnceOneDoes()
    {
        BuiltInCertificateAuthority one = await OpenAsync(), other = await OpenAsync();
        _shared.Hold();
        Task first = one.RotateRootAsync(signNow: false, Stop), second = other.RotateRootAsync(signNow: false, Stop);
        _shared.LetGo();
        Exception?[] failures = [await Record.ExceptionAsync(() => first), await Record.ExceptionAsync(() => second)];
        Assert.IsType<InvalidOperationException>(Assert.Single(failures.OfType<Exception>()));
        await HaveTheSameAsync(one, other, 2);
    }

    [Fact]
    public async Task ARootStaysForAsLongAsACertificateOfAnyOfThemNeedsIt()
    {
        BuiltInCertificateAuthority one = await OpenAsync(), other = await OpenAsync();
        await SignAsync(one, TimeSpan.FromHours(1));
        IssuedCertificate longest = await SignAsync(other, TimeSpan.FromHours(48));
        await one.RotateRootAsync(signNow: true, Stop);
        await HaveTheSameAsync(one, other, 2);
        _time.Advance(TimeSpan.FromHours(47));
        await HaveTheSameAsync(one, other, 2);
        Assert.True(IsTrusted(one, longest));

        // Upkeep comes at one moment at both; one key is deleted, once.
        _time.Advance(TimeSpan.FromHours(48));
        await HaveTheSameAsync(one, other, 1);
        Assert.Single(_shared.Keys);
    }

    [Fact]
    public async Task WhatWasRemovedAtOneIsTrustedByNone()
    {
        BuiltInCertificateAuthority one = await OpenAsync(), other = await OpenAsync();
        IssuedCertificate issued = await SignAsync(other, TimeSpan.FromHours(48));
        string old = _shared.Keys.Single();
        await one.RotateRootAsync(signNow: true, Stop);
        await one.RemoveRootAsync(old, Stop);
        await HaveTheSameAsync(one, other, 1);
        Assert.Single(other.RemovedRoots);
        Assert.False(IsTrusted(other, issued));
        Assert.True(IsTrusted(one, await SignAsync(other, TimeSpan.FromHours(1))));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task ARotationWhoseAnswerIsLostIsDoneOnce(bool signNow)
    {
        using TempFolder folder = new();
        BuiltInCertificateAuthority authority = await OpenAsync();
        RootRotation rotation = new(folder.Path);
        rotation.Ask(signNow, new(_shared.Keys.Single(), _time.GetUtcNow()));
        _shared.LosesAnswer = true;
        await rotation.DoIfAskedAsync(authority, NullLogger.Instance, Stop);
        Assert.True(rotation.IsAsked);
        Assert.Single(authority.Roots);

        _shared.LosesAnswer = false;
        await rotation.DoIfAskedAsync(authority, NullLogger.Instance, Stop);
        Assert.False(rotation.IsAsked);
        Assert.Equal((2, 2), (authority.Roots.Length, _shared.Keys.Count));
    }

    [Fact]
    public async Task AStoreThatSomebodyEmptiesGetsTheRootsAgainThatAreInForce()
    {
        BuiltInCertificateAuthority one = await OpenAsync(), other = await OpenAsync();
        string[] before = Bundle(one);
        _shared.Empty();
        await Soon.Holds("it has a root again", () => _shared.Keys.Count == 1);
        await HaveTheSameAsync(one, other, 1);
        Assert.Equal(before, Bundle(one));
        Assert.Equal(before, Bundle(await OpenAsync()));
    }

    [Fact]
    public async Task WhileTheStoreIsAwayCertificatesAreSignedAndNothingChangesAndAfterwardsItIsMadeUpFor()
    {
        BuiltInCertificateAuthority one = await OpenAsync();
        await SignAsync(one, TimeSpan.FromHours(1));
        _shared.Failure = new IOException("no answer");
        IssuedCertificate issued = await SignAsync(one, TimeSpan.FromHours(48));
        Assert.True(IsTrusted(one, issued));
        await Assert.ThrowsAsync<IOException>(() => one.RotateRootAsync(signNow: false, Stop));
        Assert.Single(one.Roots);
        int written = _shared.Writes;

        _shared.Failure = null;
        _time.Advance(TimeSpan.FromMinutes(2));
        Assert.Equal(written + 1, _shared.Writes);
        BuiltInCertificateAuthority other = await OpenAsync();
        await other.RotateRootAsync(signNow: true, Stop);
        _time.Advance(TimeSpan.FromHours(47));
        Assert.True(IsTrusted(other, issued));
    }

    [Fact]
    public async Task OneThatEndsWaitsForWhatIsBeingWritten()
    {
        BuiltInCertificateAuthority one = await OpenAsync();
        _shared.Hold();
        Task rotating = one.RotateRootAsync(signNow: false, Stop), ending = one.DisposeAsync().AsTask();
        Assert.False(ending.IsCompleted);

        _shared.LetGo();
        await rotating;
        await ending;
        Assert.Equal(2, _shared.Keys.Count);
    }

    private async Task<BuiltInCertificateAuthority> OpenAsync()
    {
        BuiltInCertificateAuthority authority = await BuiltInCertificateAuthority.OpenAsync(new(), new SharedStore.Of(_shared), _time, new Random(7), NullLogger.Instance, Stop);
        _opened.Add(authority);
        return authority;
    }

    private static async Task<IssuedCertificate> SignAsync(BuiltInCertificateAuthority authority, TimeSpan lifetime)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        byte[] csr = new CertificateRequest("", key, HashAlgorithmName.SHA256).CreateSigningRequest();
        return await authority.SignAsync(new() { Csr = csr, Identity = SpiffeId.ForServiceAccount("cluster.local", "shop", "web"), Lifetime = lifetime }, Stop);
    }

    private static Task HaveTheSameAsync(BuiltInCertificateAuthority one, BuiltInCertificateAuthority other, int count) =>
        Soon.Holds($"both have {count} roots", () => one.Roots.Length == count && Bundle(one).SequenceEqual(Bundle(other)));

    private static string[] Bundle(BuiltInCertificateAuthority authority) => [.. authority.Roots.Select(r => Convert.ToHexString(r.Span))];

    private bool IsTrusted(BuiltInCertificateAuthority authority, IssuedCertificate issued) => IsTrusted(authority.Roots, issued);

    private bool IsTrusted(ImmutableArray<ReadOnlyMemory<byte>> roots, IssuedCertificate issued)
    {
        using X509Chain chain = new();
        chain.ChainPolicy.TrustMode = X509ChainTrustMode.CustomRootTrust;
        chain.ChainPolicy.RevocationMode = X509RevocationMode.NoCheck;
        chain.ChainPolicy.VerificationTime = _time.GetUtcNow().UtcDateTime;
        chain.ChainPolicy.CustomTrustStore.AddRange(roots.Select(r => X509CertificateLoader.LoadCertificate(r.Span)).ToArray());
        chain.ChainPolicy.ExtraStore.AddRange(issued.Chain.Skip(1).Select(c => X509CertificateLoader.LoadCertificate(c.Span)).ToArray());
        return chain.Build(X509CertificateLoader.LoadCertificate(issued.Chain[0].Span));
    }

    /// <summary>What authorities share, in the form in which it is kept; it takes a write on top of its present version only.</summary>
    private sealed class SharedStore
    {
        private readonly Lock _lock = new();
        private ImmutableSortedDictionary<string, string> _parts = ImmutableSortedDictionary<string, string>.Empty;
        private string? _index;
        private TaskCompletionSource? _held;

        private event Action? Written;

        public Exception? Failure { get; set; }

        public int Writes { get; private set; }

        /// <summary>Whether what is written is kept and nobody hears of it.</summary>
        public bool LosesAnswer { get; set; }

        /// <summary>The names of roots whose keys are kept.</summary>
        public IReadOnlyList<string> Keys => [.. _parts.Keys.Where(k => k.EndsWith(RootFiles.KeySuffix, StringComparison.Ordinal)).Select(k => k["root-".Length..^RootFiles.KeySuffix.Length])];

        public void Empty()
        {
            lock (_lock)
            {
                (_index, _parts) = (null, _parts.Clear());
                Writes++;
            }
            Written?.Invoke();
        }

        /// <summary>Has all who write wait, so that several do at one time.</summary>
        public void Hold() => _held = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public void LetGo()
        {
            TaskCompletionSource held = _held!;
            _held = null;
            held.SetResult();
        }

        public sealed class Of(SharedStore shared) : IRootStore
        {
            public event Action? Changed
            {
                add => shared.Written += value;
                remove => shared.Written -= value;
            }

            public Task<RootSet> LoadAsync(CancellationToken cancellationToken)
            {
                if (shared.Failure is { } failure) throw failure;
                lock (shared._lock) return Task.FromResult(RootFiles.Read(RootFiles.ReadIndex(shared._index), shared._parts.GetValueOrDefault) with { Version = $"{shared.Writes}" });
            }

            public async Task<string?> SaveAsync(RootSet before, RootSet after, CancellationToken cancellationToken)
            {
                if (shared._held is { } held) await held.Task.WaitAsync(cancellationToken);
                if (shared.Failure is { } failure) throw failure;
                lock (shared._lock)
                {
                    if (before.Version != $"{shared.Writes}") return null;
                    (shared._index, shared._parts) = (RootFiles.Index(after), RootFiles.Parts(after));
                    shared.Writes++;
                }
                string version = $"{shared.Writes}";
                if (shared.LosesAnswer) throw new IOException("no answer");
                shared.Written?.Invoke();
                return version;
            }
        }
    }
}
