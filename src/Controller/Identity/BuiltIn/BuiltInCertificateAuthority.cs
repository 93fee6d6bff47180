using System.Collections.Immutable;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Culvert.Core;
using Microsoft.Extensions.Logging;

namespace Culvert.Controller.Identity.BuiltIn;

/// <summary>
/// The authority for meshes without one of their own: an ECDSA P-256 root that is kept in a store, an intermediate in memory, short-lived leaves.
/// </summary>
/// <remarks>
/// A new root is first only added to the bundle, signs from a later moment on, and the old one leaves the bundle when the last certificate below it has expired;
/// its key is deleted then. The old root certifies the new one when that is made, so that the controller can be verified by who knows the old one only.
/// All moments are in the store, so a restart changes nothing, and several authorities can share one: each signs with its own intermediate below the same roots, and whoever comes first makes a change. A
/// store that can't be written does not keep it from signing: what is to be kept is written later. Safe for any number of threads.
/// </remarks>
public sealed partial class BuiltInCertificateAuthority : ICertificateAuthority, IAsyncDisposable
{
    internal static readonly TimeSpan LeafBackdating = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan LongestTimer = TimeSpan.FromDays(1);
    private static readonly TimeSpan UpkeepRetry = TimeSpan.FromMinutes(1);

    private readonly CertificateAuthorityOptions _options;
    private readonly RootChanges _changes;
    private readonly IRootStore _store;
    private readonly TimeProvider _time;
    private readonly Random _random;
    private readonly ILogger _logger;
    private readonly ITimer _timer;
    private readonly CancellationTokenSource _stop = new();

    // Held while it is decided who signs, and never while something is written.
    private readonly Lock _lock = new();
    private readonly Dictionary<string, Intermediate> _intermediates = new(StringComparer.Ordinal);
    private readonly Dictionary<string, DateTimeOffset> _servesUntil = new(StringComparer.Ordinal);
    private volatile RootSet _roots = RootSet.Empty;
    private ImmutableArray<ReadOnlyMemory<byte>> _bundle = [];
    private EquatableArray<JwtKey> _jwtKeys;
    private bool _isDisposed;

    private BuiltInCertificateAuthority(CertificateAuthorityOptions options, IRootStore store, TimeProvider time, Random random, ILogger logger)
    {
        (_options, _changes, _store, _time, _random, _logger) = (options, new(options), store, time, random, logger);
        _timer = time.CreateTimer(_ => _ = MaintainSafelyAsync(), null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
    }

    /// <inheritdoc/>
    public event Action? RootsChanged;

    /// <inheritdoc/>
    public ImmutableArray<ReadOnlyMemory<byte>> Roots
    {
        get
        {
            lock (_lock) return _bundle;
        }
    }

    /// <inheritdoc/>
    public bool SignsJwts => true;

    /// <inheritdoc/>
    public EquatableArray<JwtKey> JwtKeys
    {
        get
        {
            lock (_lock) return _jwtKeys;
        }
    }

    /// <inheritdoc/>
    public ImmutableArray<ReadOnlyMemory<byte>> RetiredRoots
    {
        get
        {
            lock (_lock) return [.. _roots.Retired.Select(r => (ReadOnlyMemory<byte>)r.Certificate.RawData)];
        }
    }

    /// <inheritdoc/>
    public ImmutableArray<ReadOnlyMemory<byte>> RemovedRoots
    {
        get
        {
            lock (_lock) return [.. _roots.Retired.Where(r => r.Record.Removed).Select(r => (ReadOnlyMemory<byte>)r.Certificate.RawData)];
        }
    }

    /// <inheritdoc/>
    public TimeSpan Backdating => LeafBackdating;

    /// <summary>Opens the authority of a store; where nothing is kept yet, it makes a root.</summary>
    /// <param name="options">Options.</param>
    /// <param name="store">Where the roots are kept.</param>
    /// <param name="time">The clock.</param>
    /// <param name="random">For lifetimes only; keys and serial numbers come from the system.</param>
    /// <param name="logger">Where it is said which roots are made, and when upkeep fails; it is tried again.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <exception cref="IOException">A key is open to others, or something can't be read, or the first root not be written.</exception>
    /// <exception cref="InvalidDataException">What is kept is damaged, or root keys are there and nothing says which of them count.</exception>
    internal static async Task<BuiltInCertificateAuthority> OpenAsync(CertificateAuthorityOptions options, IRootStore store, TimeProvider time, Random random, ILogger logger, CancellationToken cancellationToken)
    {
        BuiltInCertificateAuthority authority = new(options, store, time, random, logger);
        try
        {
            authority.Install(await store.LoadAsync(cancellationToken), isTold: false);
            if (authority._roots.Serving.IsEmpty) await authority.MaintainAsync(cancellationToken);
            else await authority.MaintainSafelyAsync();
            store.Changed += authority.OnStoreChanged;
            return authority;
        }
        catch
        {
            await authority.DisposeAsync();
            throw;
        }
    }

    /// <inheritdoc/>
    public Task<IssuedCertificate> SignAsync(SigningRequest request, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(request);
        cancellationToken.ThrowIfCancellationRequested();
        PublicKey key = CsrReader.ReadPublicKey(request.Csr);
        return Task.FromResult(request.LeadsToOlderRoots ? SignBelowRoot(request, key) : SignBelowIntermediate(request, key));
    }

    /// <inheritdoc/>
    public Task<IssuedJwt> SignJwtAsync(SpiffeId identity, IReadOnlyList<string> audience, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(identity);
        ArgumentNullException.ThrowIfNull(audience);
        cancellationToken.ThrowIfCancellationRequested();
        while (true)
        {
            DateTimeOffset now, expires;
            bool isToBeNoted;
            JwtSigningKey key;
            lock (_lock)
            {
                ObjectDisposedException.ThrowIf(_isDisposed, this);
                now = CertificateFactory.WholeSecond(_time.GetUtcNow());
                Root root = _roots.SigningAt(now);
                expires = now + JwtSvid.Lifetime;
                if (expires > root.NotAfter) expires = root.NotAfter;

                // A root stays in the bundle, and its key with it, until the last token has ended, too.
                isToBeNoted = NoteServing(root, expires, JwtSvid.Lifetime);
                key = root.Jwt;
            }

            // Not under the lock, as certificates.
            IssuedJwt? issued = key.TrySign(identity, audience, now, expires);
            if (isToBeNoted) _ = MaintainSafelyAsync();
            if (issued is not null) return Task.FromResult(issued);
        }
    }

    /// <inheritdoc/>
    public void Revoke(IReadOnlyCollection<CertificateSerial> serials)
    {
        lock (_lock)
        {
            foreach ((string root, Intermediate intermediate) in _intermediates.Where(i => serials.Contains(i.Value.Serial)).ToArray())
            {
                _intermediates.Remove(root);
                intermediate.Dispose();
                IdentityLog.IntermediateRevoked(_logger, intermediate.Serial.ToString());
            }
        }
    }

    /// <summary>Ends it. When that is done nothing is written any more, by upkeep that had begun before neither.</summary>
    public async ValueTask DisposeAsync()
    {
        _store.Changed -= OnStoreChanged;
        lock (_lock)
        {
            if (_isDisposed) return;
            _isDisposed = true;
            _timer.Dispose();
        }
        await _stop.CancelAsync();

        // What it holds is used by whoever changes it.
        await _changing.WaitAsync();
        lock (_lock)
        {
            foreach (Intermediate intermediate in _intermediates.Values) intermediate.Dispose();
            _roots.Dispose(except: RootSet.Empty);
        }
        _changing.Release();
    }

    private IssuedCertificate SignBelowIntermediate(SigningRequest request, PublicKey key)
    {
        Intermediate intermediate;
        LeafIssuer issuer;
        DateTimeOffset now, notAfter;
        bool isToBeNoted;
        lock (_lock)
        {
            (now, notAfter) = TermOf(request);
            Root root = _roots.SigningAt(now);
            intermediate = IntermediateFor(root, now, notAfter);
            if (notAfter > intermediate.NotAfter) notAfter = intermediate.NotAfter;
            isToBeNoted = NoteServing(root, notAfter, request.Lifetime);
            issuer = intermediate.Take();
        }
        try
        {
            // Not under the lock: signing is nearly all of the work, and there are more cores than one.
            using X509Certificate2 leaf = CertificateFactory.CreateLeaf(key, request.Identity, request.DnsNames, request.Addresses, issuer, now - LeafBackdating, notAfter);
            return new(request.Identity, [leaf.RawData, intermediate.Encoded], now - LeafBackdating, notAfter);
        }
        finally
        {
            intermediate.Return(issuer);
            if (isToBeNoted) _ = MaintainSafelyAsync();
        }
    }

    /// <summary>A leaf that a path leads to from each root that anybody may still know: there is no intermediate, and each root is followed by what its predecessor says of it.</summary>
    private IssuedCertificate SignBelowRoot(SigningRequest request, PublicKey key)
    {
        bool isToBeNoted;
        IssuedCertificate issued;
        lock (_lock)
        {
            (DateTimeOffset now, DateTimeOffset notAfter) = TermOf(request);
            Root root = _roots.SigningAt(now);
            if (notAfter > root.NotAfter) notAfter = root.NotAfter;
            using X509Certificate2 leaf = CertificateFactory.CreateLeaf(key, request.Identity, request.DnsNames, request.Addresses, LeafIssuer.Of(root.Certificate, root.Key), now - LeafBackdating, notAfter);
            IEnumerable<X509Certificate2?> newestFirst = _roots.Serving.TakeWhile(r => r != root).Append(root).Reverse().Select(r => r.Cross).Concat(_roots.Retired.Reverse().Select(r => r.Cross));
            issued = new(request.Identity, [leaf.RawData, .. newestFirst.TakeWhile(c => c is not null).Select(c => (ReadOnlyMemory<byte>)c!.RawData)], now - LeafBackdating, notAfter);
            isToBeNoted = NoteServing(root, notAfter, request.Lifetime);
        }
        if (isToBeNoted) _ = MaintainSafelyAsync();
        return issued;
    }

    /// <summary>When a certificate is made, and until when it is to last, if its issuer does. Called under the lock.</summary>
    private (DateTimeOffset Now, DateTimeOffset NotAfter) TermOf(SigningRequest request)
    {
        ObjectDisposedException.ThrowIf(_isDisposed, this);
        DateTimeOffset now = CertificateFactory.WholeSecond(_time.GetUtcNow());
        return (now, CertificateFactory.WholeSecond(now + request.VariedLifetime(_random)));
    }

    private Intermediate IntermediateFor(Root root, DateTimeOffset now, DateTimeOffset leafNotAfter)
    {
        Intermediate? current = _intermediates.GetValueOrDefault(root.Record.Id);
        if (current is not null && now < current.RenewAt && leafNotAfter <= current.NotAfter) return current;
        current?.Dispose();
        TimeSpan lifetime = TimeSpan.FromTicks(Math.Max(_options.IntermediateLifetime.Ticks, 2 * (leafNotAfter - now).Ticks));
        DateTimeOffset notAfter = CertificateFactory.WholeSecond(now + lifetime);
        if (notAfter > root.NotAfter) notAfter = root.NotAfter;
        var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        using X509Certificate2 certificate = CertificateFactory.CreateIntermediate(key, CertificateFactory.NewIntermediateName(now), root.Certificate, X509SignatureGenerator.CreateForECDsa(root.Key), now - RootChanges.AuthorityBackdating, notAfter);
        return _intermediates[root.Record.Id] = new(certificate, key, now + ((notAfter - now) / 2));
    }

    /// <summary>Notes until when a root is needed; generously, so that this is written rarely. Returns whether it is to be written.</summary>
    private bool NoteServing(Root root, DateTimeOffset notAfter, TimeSpan lifetime)
    {
        if (notAfter <= root.Record.ServesUntil || (_servesUntil.TryGetValue(root.Record.Id, out DateTimeOffset noted) && notAfter <= noted)) return false;
        _servesUntil[root.Record.Id] = notAfter + (lifetime / 2);
        return true;
    }
}
