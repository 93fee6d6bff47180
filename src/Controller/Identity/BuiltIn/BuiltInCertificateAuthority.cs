using System.Collections.Immutable;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Microsoft.Extensions.Logging;

namespace Culvert.Controller.Identity.BuiltIn;

/// <summary>
/// The authority for meshes without one of their own: an ECDSA P-256 root on disk, an intermediate in memory, short-lived leaves.
/// </summary>
/// <remarks>
/// A new root is first only added to the bundle, signs from a later moment on, and the old one leaves the bundle when the last certificate below it has expired;
/// its key is deleted then. The old root certifies the new one when that is made, so that the controller can be verified by who knows the old one only.
/// All moments are on disk, so a restart changes nothing. A disk that can't be written does not keep it from signing: what is to be kept is written later.
/// Safe for any number of threads.
/// </remarks>
public sealed partial class BuiltInCertificateAuthority : ICertificateAuthority, IDisposable
{
    private static readonly TimeSpan LeafBackdating = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan AuthorityBackdating = TimeSpan.FromMinutes(5);
    private static readonly TimeSpan LongestTimer = TimeSpan.FromDays(1);
    private static readonly TimeSpan UpkeepRetry = TimeSpan.FromMinutes(1);

    private readonly CertificateAuthorityOptions _options;
    private readonly TimeProvider _time;
    private readonly Random _random;
    private readonly ILogger _logger;
    private readonly RootStore _store;
    private readonly Lock _lock = new();
    private readonly List<Root> _roots;
    private readonly List<RetiredRoot> _retired;
    private bool _unsaved;
    private readonly ITimer _timer;
    private readonly Dictionary<Root, Intermediate> _intermediates = [];
    private ImmutableArray<ReadOnlyMemory<byte>> _bundle = [];

    /// <summary>Opens the authority in a folder, or makes a new one there.</summary>
    /// <param name="options">Options.</param>
    /// <param name="time">The clock.</param>
    /// <param name="random">For lifetimes only; keys and serial numbers come from the system.</param>
    /// <param name="logger">Where it is said which roots are made, and when upkeep fails; it is tried again.</param>
    /// <exception cref="IOException">The folder or a key is open to others, or can't be read.</exception>
    /// <exception cref="InvalidDataException">A file is damaged, or root keys are there and nothing says which of them count.</exception>
    public BuiltInCertificateAuthority(CertificateAuthorityOptions options, TimeProvider time, Random random, ILogger logger)
    {
        ArgumentNullException.ThrowIfNull(options);
        (_options, _time, _random, _logger) = (options, time, random, logger);
        _store = new RootStore(options.Folder);
        (_retired, _roots) = _store.Load();
        _timer = time.CreateTimer(_ => MaintainSafely(), null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        try
        {
            if (_roots.Count == 0) AddRoot(TimeSpan.Zero);
            Maintain();
        }
        catch
        {
            Dispose();
            throw;
        }
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
    public ImmutableArray<ReadOnlyMemory<byte>> RetiredRoots
    {
        get
        {
            lock (_lock) return [.. _retired.Select(r => (ReadOnlyMemory<byte>)r.Certificate.RawData)];
        }
    }

    /// <inheritdoc/>
    public ImmutableArray<ReadOnlyMemory<byte>> RemovedRoots
    {
        get
        {
            lock (_lock) return [.. _retired.Where(r => r.Record.Removed).Select(r => (ReadOnlyMemory<byte>)r.Certificate.RawData)];
        }
    }

    /// <inheritdoc/>
    public TimeSpan Backdating => LeafBackdating;

    /// <inheritdoc/>
    public Task<IssuedCertificate> SignAsync(SigningRequest request, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(request);
        cancellationToken.ThrowIfCancellationRequested();
        PublicKey key = CsrReader.ReadPublicKey(request.Csr);
        lock (_lock) return Task.FromResult(Sign(request, key));
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _timer.Dispose();
        lock (_lock)
        {
            foreach (Intermediate intermediate in _intermediates.Values) intermediate.Dispose();
            foreach (Root root in _roots) root.Dispose();
            foreach (RetiredRoot root in _retired) root.Dispose();
        }
    }

    private IssuedCertificate Sign(SigningRequest request, PublicKey key)
    {
        DateTimeOffset now = WholeSecond(_time.GetUtcNow());
        double factor = 1 + (request.Jitter * ((2 * _random.NextDouble()) - 1));
        DateTimeOffset notBefore = now - LeafBackdating, notAfter = WholeSecond(now + (request.Lifetime * factor));
        Root root = SigningRoot(now);
        if (request.LeadsToOlderRoots) return SignBelowRoot(root, request, key, notBefore, notAfter < root.NotAfter ? notAfter : root.NotAfter);
        Intermediate issuer = IntermediateFor(root, now, notAfter);
        if (notAfter > issuer.NotAfter) notAfter = issuer.NotAfter;
        NoteServing(root, notAfter, request.Lifetime);
        using X509Certificate2 leaf = CertificateFactory.CreateLeaf(key, request.Identity, request.DnsNames, request.Addresses, issuer.Certificate, issuer.Key, notBefore, notAfter);
        return new(request.Identity, [leaf.RawData, issuer.Certificate.RawData], notBefore, notAfter);
    }

    /// <summary>A leaf that a path leads to from each root that anybody may still know: there is no intermediate, and each root is followed by what its predecessor says of it.</summary>
    private IssuedCertificate SignBelowRoot(Root root, SigningRequest request, PublicKey key, DateTimeOffset notBefore, DateTimeOffset notAfter)
    {
        NoteServing(root, notAfter, request.Lifetime);
        using X509Certificate2 leaf = CertificateFactory.CreateLeaf(key, request.Identity, request.DnsNames, request.Addresses, root.Certificate, root.Key, notBefore, notAfter);
        IEnumerable<X509Certificate2?> newestFirst = _roots.TakeWhile(r => r != root).Append(root).Reverse().Select(r => r.Cross).Concat(_retired.AsEnumerable().Reverse().Select(r => r.Cross));
        return new(request.Identity, [leaf.RawData, .. newestFirst.TakeWhile(c => c is not null).Select(c => (ReadOnlyMemory<byte>)c!.RawData)], notBefore, notAfter);
    }

    private Intermediate IntermediateFor(Root root, DateTimeOffset now, DateTimeOffset leafNotAfter)
    {
        Intermediate? current = _intermediates.GetValueOrDefault(root);
        if (current is not null && now < current.RenewAt && leafNotAfter <= current.NotAfter) return current;
        current?.Dispose();
        TimeSpan lifetime = TimeSpan.FromTicks(Math.Max(_options.IntermediateLifetime.Ticks, 2 * (leafNotAfter - now).Ticks));
        DateTimeOffset notAfter = WholeSecond(now + lifetime);
        if (notAfter > root.NotAfter) notAfter = root.NotAfter;
        var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        string name = $"Culvert intermediate {now:yyyyMMddHHmmss}";
        X509Certificate2 certificate = CertificateFactory.CreateIntermediate(key, name, root.Certificate, root.Key, now - AuthorityBackdating, notAfter);
        return _intermediates[root] = new(certificate, key, now + ((notAfter - now) / 2));
    }

    /// <summary>Notes on disk until when a root is needed; generously, so that this is written rarely.</summary>
    private void NoteServing(Root root, DateTimeOffset notAfter, TimeSpan lifetime)
    {
        if (notAfter <= root.Record.ServesUntil) return;
        root.Record = root.Record with { ServesUntil = notAfter + (lifetime / 2) };
        TrySave();
    }

    /// <summary>What counts is in memory: a full disk must not end renewals. What was not written is written by the next upkeep.</summary>
    private void TrySave()
    {
        try
        {
            SaveIndex(_retired, _roots);
            _unsaved = false;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            if (!_unsaved) IdentityLog.NotSaved(_logger, e.Message);
            _unsaved = true;
            _timer.Change(UpkeepRetry, Timeout.InfiniteTimeSpan);
        }
    }

    private void SaveIndex(IEnumerable<RetiredRoot> retired, IEnumerable<Root> roots)
    {
        foreach (string key in _store.Save(retired, roots)) IdentityLog.RootKeyDeleted(_logger, key);
    }

    private Root SigningRoot(DateTimeOffset now) => _roots.LastOrDefault(r => r.Record.Activates <= now) ?? _roots[0];

    private void AddRoot(TimeSpan delay)
    {
        DateTimeOffset now = WholeSecond(_time.GetUtcNow());
        string id = $"{now:yyyyMMddHHmmss}-{RandomNumberGenerator.GetHexString(8, lowercase: true)}";
        var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        X509Certificate2 certificate = CertificateFactory.CreateRoot(key, $"Culvert root {id}", now - AuthorityBackdating, now + _options.RootLifetime);
        var root = new Root(new(id, now + delay, now + delay), certificate, key, _roots.Count > 0 ? Cross(_roots[^1], certificate, now) : null);
        _store.Add(root);
        SaveIndex(_retired, [.. _roots, root]);
        _roots.Add(root);
        IdentityLog.RootMade(_logger, id, root.Record.Activates);
    }

    private static X509Certificate2 Cross(Root issuer, X509Certificate2 root, DateTimeOffset now) =>
        CertificateFactory.CreateCross(root, issuer.Certificate, issuer.Key, now - AuthorityBackdating, issuer.NotAfter);

    /// <summary>Folders of older versions hold none.</summary>
    private void AddMissingCrosses(DateTimeOffset now)
    {
        for (int i = 1; i < _roots.Count; i++)
        {
            if (_roots[i].Cross is not null) continue;
            _roots[i].Cross = Cross(_roots[i - 1], _roots[i].Certificate, now);
            try
            {
                _store.AddCross(_roots[i]);
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                // Good until the next start, which makes another one as long as the older root is there.
                IdentityLog.NotSaved(_logger, e.Message);
            }
        }
    }

    /// <summary>Does what is due: removes roots that no certificate needs, replaces one that comes to its end; then sets the timer for the next time.</summary>
    private void Maintain()
    {
        bool changed;
        lock (_lock)
        {
            DateTimeOffset now = _time.GetUtcNow();
            Root signing = SigningRoot(now);
            if (signing == _roots[^1] && now > RenewAt(signing)) AddRoot(_options.RootActivationDelay);
            AddMissingCrosses(now);
            Root[] removed = [.. _roots.TakeWhile(r => r != signing && r.Record.ServesUntil + LeafBackdating <= now)];
            _roots.RemoveRange(0, removed.Length);
            foreach (Root root in removed)
            {
                IdentityLog.RootLeft(_logger, root.Record.Id);
                _retired.Add(Retire(root, root.Record with { Retired = now }));
            }
            int forgotten = _retired.RemoveAll(r => ForgottenAt(r.Record) <= now);
            ImmutableArray<ReadOnlyMemory<byte>> bundle = [.. _roots.Select(r => (ReadOnlyMemory<byte>)r.Certificate.RawData)];
            changed = bundle.Length != _bundle.Length || bundle.Zip(_bundle).Any(pair => !pair.First.Span.SequenceEqual(pair.Second.Span));
            _bundle = bundle;
            _timer.Change(UntilNext(now), Timeout.InfiniteTimeSpan);
            if (removed.Length + forgotten > 0 || _unsaved) TrySave();
        }
        if (changed) RootsChanged?.Invoke();
    }

    private RetiredRoot Retire(Root root, RootRecord record)
    {
        if (_intermediates.Remove(root, out Intermediate? intermediate)) intermediate.Dispose();
        RetiredRoot retired = new(record, X509CertificateLoader.LoadCertificate(root.Certificate.RawData), root.Cross);
        root.Cross = null;
        root.Dispose();
        return retired;
    }

    /// <summary>A removed root's certificates have not ended: nodes may have them renewed for as long as if the root had stayed.</summary>
    private DateTimeOffset ForgottenAt(RootRecord record) =>
        (record.Removed && record.ServesUntil > record.Retired!.Value ? record.ServesUntil : record.Retired!.Value) + _options.RetiredRootGrace;

    /// <summary>On a timer nobody is there to catch what goes wrong, a full disk for one.</summary>
    private void MaintainSafely()
    {
        try
        {
            Maintain();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or CryptographicException)
        {
            IdentityLog.UpkeepFailed(_logger, e);
            _timer.Change(UpkeepRetry, Timeout.InfiniteTimeSpan);
        }
    }

    private TimeSpan UntilNext(DateTimeOffset now)
    {
        IEnumerable<DateTimeOffset> moments = _roots.SelectMany(r => new[] { r.Record.Activates, r.Record.ServesUntil + LeafBackdating })
            .Concat(_retired.Select(r => ForgottenAt(r.Record))).Append(RenewAt(_roots[^1]));
        TimeSpan next = moments.Where(m => m > now).Select(m => m - now).DefaultIfEmpty(LongestTimer).Min() + TimeSpan.FromMilliseconds(1);
        return next < LongestTimer ? next : LongestTimer;
    }

    private static DateTimeOffset RenewAt(Root root) => root.NotAfter - ((root.NotAfter - new DateTimeOffset(root.Certificate.NotBefore.ToUniversalTime())) / 10);

    private static DateTimeOffset WholeSecond(DateTimeOffset time) => new(time.Ticks - (time.Ticks % TimeSpan.TicksPerSecond), time.Offset);
}
