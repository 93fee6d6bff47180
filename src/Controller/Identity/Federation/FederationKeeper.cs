using System.Collections.Immutable;
using System.Security.Cryptography.X509Certificates;
using Culvert.Controller.Schema;
using Culvert.Core;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Culvert.Controller.Identity.Federation;

/// <summary>
/// Keeps the bundles of the trust domains that the mesh is federated with: by the file that names them, the files that it names, and their endpoints, which are asked as often as each domain says, from its start to its stop. What can't be had
/// leaves what was known in force, over restarts as well. Safe for any number of threads.
/// </summary>
/// <param name="options">The file, and how often.</param>
/// <param name="store">Keeps bundles for the next start.</param>
/// <param name="bundles">Where they are put.</param>
/// <param name="own">The mesh's own bundle; null: not known yet.</param>
/// <param name="metrics">Where it is counted.</param>
/// <param name="time">The clock.</param>
/// <param name="logger">Where it is said what was read, and what can't be.</param>
internal sealed class FederationKeeper(FederationOptions options, BundleStore store, FederatedBundles bundles, Func<TrustBundle?> own, FederationMetrics metrics, TimeProvider time, ILogger logger) : IHostedService, IDisposable
{
    // Of the time until the next question: controllers do not ask at once.
    private const double Jitter = 0.1;

    private readonly BundleClient _client = new(options, time);
    private readonly Lock _lock = new();
    private readonly Dictionary<string, Relationship> _known = new(StringComparer.Ordinal);
    private readonly CancellationTokenSource _stop = new();
    private readonly List<Task> _asking = [];
    private ImmutableArray<SourceError> _errors = [];
    private string? _failure;
    private Task _running = Task.CompletedTask;

    /// <summary>Reads the file for the first time, and what was kept. Endpoints are not waited for.</summary>
    /// <exception cref="InvalidDataException">The file can't be read at all.</exception>
    public async Task StartAsync(CancellationToken cancellationToken)
    {
        if (options.Path is not { } path) return;
        Take(await FederationFile.ReadAsync(path, own()?.TrustDomain, cancellationToken));
        await ReadBundleFilesAsync(cancellationToken);
        Publish();
        _running = Task.Run(RunAsync, CancellationToken.None);
    }

    /// <summary>Asks no longer.</summary>
    public async Task StopAsync(CancellationToken cancellationToken)
    {
        await _stop.CancelAsync();
        await _running;
        await Task.WhenAll(_asking);
    }

    public void Dispose() => _stop.Dispose();

    private async Task RunAsync()
    {
        while (!_stop.IsCancellationRequested)
        {
            try
            {
                await LookAsync(options.Path!, _stop.Token);
                Ask();
            }
            catch (OperationCanceledException) when (_stop.IsCancellationRequested)
            {
                return;
            }
            catch (Exception e) when (e is not OutOfMemoryException)
            {
                // A bug of whoever was told: without this loop nothing would be revoked any more.
                FederationLog.Fault(logger, e);
            }
            await Task.Delay(options.Look, time, _stop.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private async Task LookAsync(string path, CancellationToken cancellationToken)
    {
        try
        {
            FederationFile read = await FederationFile.ReadAsync(path, own()?.TrustDomain, cancellationToken);

            // As of one that is just being written.
            bool hasAny;
            lock (_lock) hasAny = _known.Count > 0;
            if (read.IsEmpty && hasAny) throw new InvalidDataException($"{path} names no trust domain; to be federated with none, start without --federation");
            if (_failure is not null) FederationLog.FileReadAgain(logger, path);
            _failure = null;
            Take(read);
        }
        catch (InvalidDataException e)
        {
            if (_failure != e.Message) FederationLog.FileNotRead(logger, options.Look.TotalSeconds, e.Message);
            _failure = e.Message;
        }
        await ReadBundleFilesAsync(cancellationToken);
        Publish();
    }

    private void Take(FederationFile read)
    {
        SourceErrorChanges changes = SourceErrorChanges.Between(_errors, read.Errors);
        foreach (SourceError error in changes.New) FederationLog.Refused(logger, error);
        foreach (SourceError error in changes.Mended) FederationLog.Mended(logger, error);
        _errors = read.Errors;
        HashSet<string> named = [.. read.Broken, .. read.Domains.Select(d => d.TrustDomain)];
        string? mesh = own()?.TrustDomain;
        lock (_lock)
        {
            foreach (string gone in _known.Keys.Where(d => d == mesh || (read.IsWhole && !named.Contains(d))).ToArray()) Leave(gone);
            foreach (FederatedDomain domain in read.Domains) Join(domain);
        }
    }

    // Under the lock.
    private void Join(FederatedDomain domain)
    {
        if (!_known.TryGetValue(domain.TrustDomain, out Relationship? known))
        {
            FederationLog.Federated(logger, domain.TrustDomain, SourceOf(domain));
            _known.Add(domain.TrustDomain, known = new(domain) { Kept = Load(domain.TrustDomain) });
            if (known.Kept is { } kept) metrics.Has(domain.TrustDomain, kept.Document.Roots.Length);
        }
        else if (known.Domain != domain)
        {
            // What is under way is of the place before.
            _known[domain.TrustDomain] = new(domain) { Kept = known.Kept };
        }
    }

    // Under the lock.
    private void Leave(string trustDomain)
    {
        _known.Remove(trustDomain);
        FederationLog.NotFederated(logger, trustDomain);
        metrics.Has(trustDomain, 0);
        Keep(trustDomain, null);
    }

    private KeptBundle? Load(string trustDomain)
    {
        try
        {
            return store.Load(trustDomain);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or InvalidDataException)
        {
            FederationLog.NotKept(logger, trustDomain, e.Message);
            return null;
        }
    }

    // Under the lock: of two that are kept the later one has to be there in the end.
    private void Keep(string trustDomain, KeptBundle? bundle)
    {
        try
        {
            if (bundle is null) store.Forget(trustDomain);
            else store.Save(trustDomain, bundle);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            FederationLog.NotKept(logger, trustDomain, e.Message);
        }
    }

    /// <summary>Takes bundles of files that were not read before, or are others than were: who has put one there means it to count, whatever the endpoint has said.</summary>
    private async Task ReadBundleFilesAsync(CancellationToken cancellationToken)
    {
        Relationship[] known;
        lock (_lock) known = [.. _known.Values];
        foreach (Relationship relationship in known)
        {
            if (relationship.Domain.BundlePath is not { } path) continue;
            BundleFile? file = null;
            string? failure = null;
            try
            {
                file = await BundleFile.ReadAsync(path, cancellationToken);
            }
            catch (InvalidDataException e)
            {
                failure = e.Message;
            }
            lock (_lock)
            {
                if (failure is not null && relationship.FileFailure != failure) FederationLog.NotRead(logger, relationship.Domain.TrustDomain, path, options.Look.TotalSeconds, failure);
                relationship.FileFailure = failure;
                if (file is not null && relationship.Kept?.FileDigest != file.Digest) Replace(relationship, new(WithoutEnded(file.Document), file.Digest), path);
            }
        }
    }

    private void Ask()
    {
        lock (_lock)
        {
            DateTimeOffset now = time.GetUtcNow();
            _asking.RemoveAll(t => t.IsCompleted);
            foreach (Relationship relationship in _known.Values.Where(r => r.Due <= now && r.Domain.Endpoint is not null))
            {
                // While it is under way.
                relationship.Due = DateTimeOffset.MaxValue;
                _asking.Add(Task.Run(() => AskAsync(relationship, relationship.Domain.Endpoint!)));
            }
        }
    }

    private async Task AskAsync(Relationship relationship, BundleEndpoint endpoint)
    {
        try
        {
            (BundleDocument? told, string? failure) = await _client.ReadAsync(endpoint, RootsOf, _stop.Token);
            lock (_lock)
            {
                if (_known.GetValueOrDefault(relationship.Domain.TrustDomain) != relationship) return;

                // Of which nothing is known yet no workload is believed, and another domain's bundle may be there by then that proves the server.
                TimeSpan wait = told is null && relationship.Kept is null ? options.Shortest : options.After((told ?? relationship.Kept!.Document).RefreshHint);
                wait = Max(options.Shortest, wait * (1 - (Jitter * Random.Shared.NextDouble())));
                relationship.Due = time.GetUtcNow() + wait;
                TakeTold(relationship, told, failure, endpoint.Url.ToString(), wait);
            }
            Publish();
        }
        catch (OperationCanceledException) when (_stop.IsCancellationRequested)
        {
            // It is over.
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            FederationLog.Fault(logger, e);
        }
    }

    // Under the lock.
    private void TakeTold(Relationship relationship, BundleDocument? told, string? failure, string source, TimeSpan wait)
    {
        string trustDomain = relationship.Domain.TrustDomain;
        BundleDocument? before = relationship.Kept?.Document;
        if (told is not null) failure = FindDoubt(told, before);
        if (failure is not null)
        {
            metrics.Failed(trustDomain);
            if (relationship.Failure != failure) FederationLog.NotRead(logger, trustDomain, source, wait.TotalSeconds, failure);
            relationship.Failure = failure;
            return;
        }
        if (relationship.Failure is not null) FederationLog.ReadAgain(logger, trustDomain, source);
        relationship.Failure = null;
        KeptBundle kept = new(WithoutEnded(told!), relationship.Kept?.FileDigest);
        if (before is not null && kept.Document.HasSameKeys(before))
        {
            metrics.Same(trustDomain, time.GetUtcNow());

            // In the order of before: nodes need not hear of another one.
            BundleDocument same = kept.Document with { Roots = before.Roots, JwtKeys = before.JwtKeys };
            if (same == before) return;
            relationship.Kept = kept with { Document = same };
            Keep(trustDomain, relationship.Kept);
            return;
        }
        metrics.Changed(trustDomain, time.GetUtcNow());
        Replace(relationship, kept, source);
    }

    // Under the lock.
    private void Replace(Relationship relationship, KeptBundle kept, string source)
    {
        string trustDomain = relationship.Domain.TrustDomain;
        relationship.Kept = kept;
        FederationLog.Taken(logger, trustDomain, source, kept.Document.Roots.Length, kept.Document.Sequence);
        metrics.Has(trustDomain, kept.Document.Roots.Length);
        Keep(trustDomain, kept);
    }

    /// <summary>Why a bundle that was told is not to be believed; null: it is. Who keeps an old one back could otherwise have believed what was revoked since.</summary>
    private string? FindDoubt(BundleDocument told, BundleDocument? before)
    {
        if (told.Sequence < before?.Sequence) return $"its sequence is {told.Sequence}, and that of the one in force {before.Sequence}; where the trust domain was set up anew, bring its bundle by a file ('bundle')";
        return told.Roots.IsEmpty || !WithoutEnded(told).Roots.IsEmpty ? null : $"its {told.Roots.Length} roots have all ended; check the clocks";
    }

    // A server keeps them for long, and nothing leads to them.
    private BundleDocument WithoutEnded(BundleDocument document)
    {
        DateTimeOffset now = time.GetUtcNow();
        ImmutableArray<ReadOnlyMemory<byte>> valid = [.. document.Roots.Where(r => EndOf(r) > now)];
        return valid.Length == document.Roots.Length ? document : document with { Roots = valid };
    }

    private IReadOnlyList<ReadOnlyMemory<byte>>? RootsOf(string trustDomain)
    {
        if (own() is { } mesh && mesh.TrustDomain == trustDomain) return mesh.Roots;
        lock (_lock) return _known.GetValueOrDefault(trustDomain)?.Kept?.Document.Roots;
    }

    private void Publish() => bundles.Set(InForce);

    private (EquatableArray<TrustBundle> Bundles, ImmutableHashSet<string> TrustDomains) InForce()
    {
        lock (_lock)
        {
            IEnumerable<Relationship> known = _known.Values.Where(r => r.Kept is not null).OrderBy(r => r.Domain.TrustDomain, StringComparer.Ordinal);
            return (known.Select(r => new TrustBundle(r.Domain.TrustDomain, r.Kept!.Document.Roots)).ToEquatableArray(), [.. _known.Keys]);
        }
    }

    private static string SourceOf(FederatedDomain domain) => domain.Endpoint is { } endpoint ? endpoint.Url.ToString() : domain.BundlePath!;

    private static DateTimeOffset EndOf(ReadOnlyMemory<byte> root)
    {
        using X509Certificate2 certificate = X509CertificateLoader.LoadCertificate(root.Span);
        return new(certificate.NotAfter.ToUniversalTime());
    }

    private static TimeSpan Max(TimeSpan one, TimeSpan other) => one > other ? one : other;

    /// <summary>A trust domain and what is known of it. Guarded by the lock.</summary>
    private sealed class Relationship(FederatedDomain domain)
    {
        public FederatedDomain Domain { get; } = domain;

        /// <summary>Its bundle; null: none is known yet.</summary>
        public KeptBundle? Kept { get; set; }

        /// <summary>When the endpoint is to be asked next.</summary>
        public DateTimeOffset Due { get; set; } = DateTimeOffset.MinValue;

        /// <summary>Why it could not be asked the last time; null: it could.</summary>
        public string? Failure { get; set; }

        /// <summary>Why the file could not be used; null: it could.</summary>
        public string? FileFailure { get; set; }
    }
}
