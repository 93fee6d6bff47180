using System.Collections.Immutable;
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
internal sealed class FederationKeeper(FederationOptions options, IBundleStore store, FederatedBundles bundles, Func<TrustBundle?> own, FederationMetrics metrics, TimeProvider time, ILogger logger) : IHostedService, IDisposable
{
    // Of the time until the next question: controllers do not ask at once.
    private const double Jitter = 0.1;

    private readonly BundleClient _client = new(options, time);
    private readonly LoggedBundleStore _store = new(store, logger);
    private readonly Lock _lock = new();
    private readonly Dictionary<string, FederatedRelationship> _known = new(StringComparer.Ordinal);
    private readonly CancellationTokenSource _stop = new();
    private readonly List<Task> _asking = [];
    private ImmutableArray<SourceError> _errors = [];
    private string? _failure;
    private DateTimeOffset? _emptySince;
    private bool _isDisposed;
    private Task _running = Task.CompletedTask;

    /// <summary>Reads the file for the first time, and what was kept. Endpoints of which nothing was are waited for, not for long: a controller that starts anew does not say that nobody is believed because it does not know yet.</summary>
    /// <exception cref="InvalidDataException">The file can't be read at all.</exception>
    public async Task StartAsync(CancellationToken cancellationToken)
    {
        if (options.Path is not { } path)
        {
            _store.ForgetOthers([]);
            return;
        }
        FederationFile read = await FederationFile.ReadAsync(path, own()?.TrustDomain, cancellationToken);
        if (read.IsWhole && !read.IsEmpty) _store.ForgetOthers([.. read.Broken, .. read.Domains.Select(d => d.TrustDomain)]);
        Take(read);
        await ReadBundleFilesAsync(cancellationToken);
        await AskFirstAsync(cancellationToken);
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

    public void Dispose()
    {
        if (_isDisposed) return;
        _isDisposed = true;

        // Where the start has failed there was no stop.
        _stop.Cancel();
        _stop.Dispose();
    }

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

    private async Task AskFirstAsync(CancellationToken cancellationToken)
    {
        Task[] asking;
        lock (_lock)
        {
            if (!_known.Values.Any(IsAwaited)) return;
            Ask();
            asking = [.. _asking];
        }
        try
        {
            await Task.WhenAll(asking).WaitAsync(options.FirstAnswer, time, cancellationToken);
        }
        catch (TimeoutException)
        {
            // They are asked on.
        }
        lock (_lock)
        {
            foreach (FederatedRelationship relationship in _known.Values) relationship.AwaitedUntil = DateTimeOffset.MinValue;
        }
        await ReadBundleFilesAsync(cancellationToken);
    }

    private async Task LookAsync(string path, CancellationToken cancellationToken)
    {
        try
        {
            FederationFile read = await FederationFile.ReadAsync(path, own()?.TrustDomain, cancellationToken);
            RequireMeant(read, path);
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
        TakeOthers();
        Publish();
    }

    // One with nothing in it may be just being written; nobody takes so long for that.
    private void RequireMeant(FederationFile read, string path)
    {
        bool hasAny;
        lock (_lock) hasAny = _known.Count > 0;
        if (!read.IsEmpty || !hasAny)
        {
            _emptySince = null;
            return;
        }
        DateTimeOffset now = time.GetUtcNow();
        _emptySince ??= now;
        if (now - _emptySince < options.EmptyFor) throw new InvalidDataException($"{path} names no trust domain; where it still names none after {options.EmptyFor.TotalSeconds:0.#} s, the mesh is federated with nobody any more");
        FederationLog.Ends(logger, path);
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
        if (!_known.TryGetValue(domain.TrustDomain, out FederatedRelationship? known))
        {
            _known.Add(domain.TrustDomain, known = new(domain) { Kept = _store.Load(domain.TrustDomain) });
            FederationLog.Federated(logger, domain.TrustDomain, known.Source);
            if (known.Kept is null && domain.Endpoint is not null) known.AwaitedUntil = time.GetUtcNow() + options.FirstAnswer;
            if (known.Kept is { } kept) metrics.Has(domain.TrustDomain, kept.Document.Roots.Length);
        }
        else if (known.Domain != domain)
        {
            // What is under way is of the place before.
            _known[domain.TrustDomain] = new(domain) { Kept = known.Kept, AwaitedUntil = known.AwaitedUntil };
        }
    }

    // Under the lock.
    private void Leave(string trustDomain)
    {
        _known.Remove(trustDomain);
        FederationLog.NotFederated(logger, trustDomain);
        metrics.Has(trustDomain, 0);
        _store.Keep(trustDomain, null);
    }

    // What another controller has been told since: also where this one's endpoint lags behind.
    private void TakeOthers()
    {
        lock (_lock)
        {
            foreach (FederatedRelationship relationship in _known.Values)
            {
                KeptBundle? held = relationship.Kept;
                if (_store.FindOthers(relationship.Domain.TrustDomain) is not { } other || held?.IsOlderThan(other) == false || relationship.IsOfOtherFile(other)) continue;
                if (held is null || !held.Document.HasSameKeys(other.Document)) Replace(relationship, other, "another controller");
                else relationship.Kept = other with { Document = other.Document with { Roots = held.Document.Roots, JwtKeys = held.Document.JwtKeys } };
            }
        }
    }

    /// <summary>
    /// Takes bundles of files that were not read before, or are others than were: who has put one there means it to count, whatever the endpoint has said. Where nothing is known any more of what that has said, it is asked first, and the file
    /// only proves it: what it brings may have been revoked since.
    /// </summary>
    private async Task ReadBundleFilesAsync(CancellationToken cancellationToken)
    {
        FederatedRelationship[] known;
        lock (_lock) known = [.. _known.Values];
        foreach (FederatedRelationship relationship in known)
        {
            if (relationship.Domain.BundlePath is not { } path) continue;
            BundleFile? file = null;
            string? failure = null;
            try
            {
                file = await BundleFile.ReadAsync(path, cancellationToken);
                if (BundleRules.FindFault(file.Document, time.GetUtcNow()) is { } fault) (file, failure) = (null, $"{path} has a bundle that can't be used: {fault}");
            }
            catch (InvalidDataException e)
            {
                failure = e.Message;
            }
            lock (_lock)
            {
                if (failure is not null && relationship.FileFailure != failure) FederationLog.NotRead(logger, relationship.Domain.TrustDomain, path, options.Look.TotalSeconds, failure);
                relationship.FileFailure = failure;
                if (file is null || relationship.Kept?.FileDigest == file.Digest) continue;
                relationship.First = file;
                if (!relationship.IsAwaited(time.GetUtcNow())) Replace(relationship, new(BundleRules.WithoutEnded(file.Document, time.GetUtcNow()), file.Digest, file.Document.Sequence, time.GetUtcNow()), path);
            }
        }
    }

    private void Ask()
    {
        lock (_lock)
        {
            DateTimeOffset now = time.GetUtcNow();
            _asking.RemoveAll(t => t.IsCompleted);
            foreach (FederatedRelationship relationship in _known.Values.Where(r => r.Due <= now && r.Domain.Endpoint is not null))
            {
                // While it is under way.
                relationship.Due = DateTimeOffset.MaxValue;
                _asking.Add(Task.Run(() => AskAsync(relationship, relationship.Domain.Endpoint!)));
            }
        }
    }

    private async Task AskAsync(FederatedRelationship relationship, BundleEndpoint endpoint)
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
                relationship.AwaitedUntil = DateTimeOffset.MinValue;
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
    private void TakeTold(FederatedRelationship relationship, BundleDocument? told, string? failure, string source, TimeSpan wait)
    {
        string trustDomain = relationship.Domain.TrustDomain;
        KeptBundle? last = relationship.Kept ?? (relationship.First is { } first ? new(first.Document, first.Digest, first.Document.Sequence, time.GetUtcNow()) : null);
        if (told is not null) failure = BundleRules.FindDoubt(told, last, time.GetUtcNow());
        if (failure is not null)
        {
            if (told is null) metrics.Failed(trustDomain);
            else metrics.Refused(trustDomain);
            if (relationship.Failure != failure) FederationLog.NotRead(logger, trustDomain, source, wait.TotalSeconds, failure);
            relationship.Failure = failure;
            return;
        }
        if (relationship.Failure is not null) FederationLog.ReadAgain(logger, trustDomain, source);
        relationship.Failure = null;
        string leftOut = string.Join("; ", told!.LeftOut);
        if (leftOut.Length > 0 && leftOut != relationship.LeftOut) FederationLog.LeftOut(logger, trustDomain, source, leftOut);
        relationship.LeftOut = leftOut;
        KeptBundle kept = new(BundleRules.WithoutEnded(told, time.GetUtcNow()), last?.FileDigest, told.Sequence, time.GetUtcNow());
        if (relationship.Kept?.Document is { } before && kept.Document.HasSameKeys(before))
        {
            metrics.Same(trustDomain, time.GetUtcNow());

            // In the order of before: nodes need not hear of another one.
            if (told.Sequence == before.Sequence && told.RefreshHint == before.RefreshHint && kept.Floor == relationship.Kept.Floor) return;
            relationship.Kept = kept with { Document = kept.Document with { Roots = before.Roots, JwtKeys = before.JwtKeys } };
            _store.Keep(trustDomain, relationship.Kept);
            return;
        }
        metrics.Changed(trustDomain, time.GetUtcNow());
        Replace(relationship, kept, source);
    }

    // Under the lock.
    private void Replace(FederatedRelationship relationship, KeptBundle kept, string source)
    {
        string trustDomain = relationship.Domain.TrustDomain;
        relationship.Kept = kept;
        FederationLog.Taken(logger, trustDomain, source, kept.Document.Roots.Length, kept.Document.Sequence);
        metrics.Has(trustDomain, kept.Document.Roots.Length);
        _store.Keep(trustDomain, kept);
    }

    private IReadOnlyList<ReadOnlyMemory<byte>>? RootsOf(string trustDomain)
    {
        if (own() is { } mesh && mesh.TrustDomain == trustDomain) return mesh.Roots;
        lock (_lock) return _known.GetValueOrDefault(trustDomain)?.Roots;
    }

    private void Publish() => bundles.Set(InForce);

    private (EquatableArray<TrustBundle> Bundles, ImmutableHashSet<string> TrustDomains) InForce()
    {
        lock (_lock)
        {
            IEnumerable<FederatedRelationship> known = _known.Values.Where(r => r.Kept is not null).OrderBy(r => r.Domain.TrustDomain, StringComparer.Ordinal);
            return (known.Select(r => new TrustBundle(r.Domain.TrustDomain, r.Kept!.Document.Roots)).ToEquatableArray(), [.. _known.Keys]);
        }
    }

    private static TimeSpan Max(TimeSpan one, TimeSpan other) => one > other ? one : other;
}
