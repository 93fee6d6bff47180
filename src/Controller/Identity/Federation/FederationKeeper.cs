using System.Collections.Immutable;
using System.Globalization;
using Culvert.Controller.Schema;
using Culvert.Core;
using Culvert.Protocol;
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

    // Of reasons in one line of the log; a bundle may have a thousand.
    private const int MostReasons = 8;

    private readonly BundleClient _client = new(options, time);
    private readonly LoggedBundleStore _store = new(store, logger);
    private readonly Lock _lock = new();
    private readonly Dictionary<string, FederatedRelationship> _known = new(StringComparer.Ordinal);
    private readonly CancellationTokenSource _stop = new();
    private readonly List<Task> _asking = [];
    private ImmutableArray<SourceError> _errors = [];
    private string? _failure;
    private DateTimeOffset? _forgetFrom;
    private bool _isDisposed;
    private Task _running = Task.CompletedTask;

    /// <summary>Reads the file for the first time, and what was kept. Endpoints of which nothing was are waited for, not for long: a controller that starts anew does not say that nobody is believed because it does not know yet.</summary>
    /// <exception cref="InvalidDataException">The file can't be read at all.</exception>
    public async Task StartAsync(CancellationToken cancellationToken)
    {
        if (options.Path is not { } path)
        {
            _store.ForgetAllBut([]);
            return;
        }
        FederationFile read = await FederationFile.ReadAsync(path, own()?.TrustDomain, cancellationToken);
        _forgetFrom = time.GetUtcNow() + options.EmptyFor;
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
            DateTimeOffset now = time.GetUtcNow();
            if (!_known.Values.Any(r => r.IsToBeAskedFirst(now))) return;
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
            if (_failure is not null) FederationLog.FileReadAgain(logger, path);
            _failure = null;
            Take(read);
            ForgetAllBut(read);
        }
        catch (InvalidDataException e)
        {
            if (_failure != e.Message) FederationLog.FileNotRead(logger, options.Look.TotalSeconds, e.Message);
            _failure = e.Message;
            lock (_lock)
            {
                foreach (FederatedRelationship known in _known.Values) known.MissingSince = null;
            }
        }
        await ReadBundleFilesAsync(cancellationToken);
        TakeOthers();
        Publish();
    }

    // What was kept for trust domains that are not there any more: once, when the file has been there for long enough to be whole.
    private void ForgetAllBut(FederationFile read)
    {
        if (_forgetFrom is not { } from || time.GetUtcNow() < from || !read.IsWhole || read.IsEmpty) return;
        _forgetFrom = null;
        lock (_lock) _store.ForgetAllBut([.. read.Broken, .. _known.Keys]);
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
            foreach ((string trustDomain, FederatedRelationship known) in _known.ToArray())
            {
                if (trustDomain == mesh || IsMissing(known, read.IsWhole && !named.Contains(trustDomain))) Leave(trustDomain);
            }
            foreach (FederatedDomain domain in read.Domains) Join(domain);
        }
    }

    // Under the lock. A file that is being written may lack some for a moment; nobody takes so long for that.
    private bool IsMissing(FederatedRelationship known, bool isNow)
    {
        if (!isNow)
        {
            known.MissingSince = null;
            return false;
        }
        DateTimeOffset now = time.GetUtcNow();
        if (known.MissingSince is null) FederationLog.Missing(logger, options.Path!, known.Domain.TrustDomain, options.EmptyFor.TotalSeconds);
        known.MissingSince ??= now;
        return now - known.MissingSince.Value >= options.EmptyFor;
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

    // What another controller has been told since: also where this one's endpoint lags behind. And what is known here another one must not lose, which does not know the trust domain yet.
    private void TakeOthers()
    {
        lock (_lock)
        {
            _store.KeepAgain();
            foreach (FederatedRelationship relationship in _known.Values)
            {
                string trustDomain = relationship.Domain.TrustDomain;
                KeptBundle? held = relationship.Kept;
                if (_store.FindAtOtherController(trustDomain) is { } other && held?.IsOlderThan(other) != false && !relationship.IsOfOtherFile(other)) TakeOther(relationship, other.CompletedBy(held));
                if (relationship.Kept is { } known) _store.Uphold(trustDomain, known);
            }
        }
    }

    // Under the lock.
    private void TakeOther(FederatedRelationship relationship, KeptBundle other)
    {
        if (relationship.Kept?.Document is not { } held || !held.HasSameRoots(other.Document)) Replace(relationship, other, "another controller");
        else relationship.Kept = other with { Document = other.Document with { Roots = held.Roots } };

        // The rest of it, unless that is under way.
        if (other.IsPart && relationship.Due != DateTimeOffset.MaxValue) relationship.Due = DateTimeOffset.MinValue;
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
                if (failure is not null && relationship.FileFailure != failure) FederationLog.NotRead(logger, relationship.Domain.TrustDomain, path, relationship.InForce, options.Look.TotalSeconds, failure);
                relationship.FileFailure = failure;
                if (file is null || relationship.Kept?.FileDigest == file.Digest) continue;
                relationship.FileBundle = file;
                if (relationship.Kept is { FileDigest: KeptBundle.UnreadFile } told)
                {
                    // It is older than what the endpoint has told; the next one is not.
                    relationship.Kept = told with { FileDigest = file.Digest };
                    _store.Keep(relationship.Domain.TrustDomain, relationship.Kept);
                }
                else if (!relationship.IsAwaited(time.GetUtcNow())) Replace(relationship, new(BundleRules.WithoutEnded(file.Document, time.GetUtcNow()), file.Digest, file.Document.Sequence, KeptBundle.BeforeAnswers), path);
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

                KeptBundle? last = relationship.Last(time.GetUtcNow());
                if (told is not null) failure = BundleRules.FindDoubt(told, last, time.GetUtcNow());
                relationship.Failures = failure is null ? 0 : relationship.Failures + 1;
                TimeSpan wait = WaitFor(relationship, told);
                relationship.Due = time.GetUtcNow() + wait;
                if (failure is null) TakeTold(relationship, told!, last, endpoint.Url.ToString());
                else Refuse(relationship, failure, told is not null, endpoint.Url.ToString(), wait);
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
            lock (_lock) relationship.Due = time.GetUtcNow() + options.Shortest;
        }
    }

    // Under the lock. Of which nothing is known yet no workload is believed, and another domain's bundle may be there by then that proves the server.
    private TimeSpan WaitFor(FederatedRelationship relationship, BundleDocument? told)
    {
        TimeSpan? hint = relationship.Kept?.Document.RefreshHint;
        TimeSpan wait = relationship.Failures == 0 ? options.After(told!.RefreshHint) : relationship.Kept is null ? options.Shortest : options.AfterFailures(relationship.Failures, hint);
        return Max(options.Shortest, wait * (1 - (Jitter * Random.Shared.NextDouble())));
    }

    // Under the lock.
    private void Refuse(FederatedRelationship relationship, string failure, bool isAnswer, string source, TimeSpan wait)
    {
        string trustDomain = relationship.Domain.TrustDomain;
        if (isAnswer) metrics.Refused(trustDomain);
        else metrics.Failed(trustDomain);
        if (relationship.Failure != failure) FederationLog.NotRead(logger, trustDomain, source, relationship.InForce, wait.TotalSeconds, failure);
        relationship.Failure = failure;
    }

    // Under the lock.
    private void TakeTold(FederatedRelationship relationship, BundleDocument told, KeptBundle? last, string source)
    {
        string trustDomain = relationship.Domain.TrustDomain;
        DateTimeOffset now = time.GetUtcNow();
        if (relationship.Failure is not null) FederationLog.ReadAgain(logger, trustDomain, source);
        relationship.Failure = null;
        string leftOut = Summarize(told.LeftOut);
        if (leftOut.Length > 0 && leftOut != relationship.LeftOut) FederationLog.LeftOut(logger, trustDomain, source, leftOut);
        relationship.LeftOut = leftOut;
        string? file = last?.FileDigest ?? (relationship.Domain.BundlePath is null ? null : KeptBundle.UnreadFile);
        KeptBundle kept = new(BundleRules.WithoutEnded(told, now), file, told.Sequence, KeptBundle.MomentAfter(now, relationship.Kept, _store.FindAtOtherController(trustDomain)));
        if (relationship.Kept is { } before && kept.Document.HasSameRoots(before.Document))
        {
            metrics.Same(trustDomain, now);

            // In the order of before: nodes need not hear of another one.
            if (told.Sequence == before.Document.Sequence && told.RefreshHint == before.Document.RefreshHint && kept.Floor == before.Floor && !before.IsPart) return;
            relationship.Kept = kept with { Document = kept.Document with { Roots = before.Document.Roots } };
            _store.Keep(trustDomain, relationship.Kept);
            return;
        }
        metrics.Changed(trustDomain, now);
        Replace(relationship, kept, source);
    }

    private static string Summarize(ImmutableArray<string> reasons)
    {
        string first = string.Join("; ", reasons.Take(MostReasons));
        return reasons.Length <= MostReasons ? first : $"{first}; and {reasons.Length - MostReasons} more";
    }

    // Under the lock.
    private void Replace(FederatedRelationship relationship, KeptBundle kept, string source)
    {
        string trustDomain = relationship.Domain.TrustDomain;
        relationship.Kept = kept;
        FederationLog.Taken(logger, trustDomain, source, kept.Document.Roots.Length, kept.Document.Sequence?.ToString(CultureInfo.InvariantCulture) ?? "none");
        string[] others = [.. OthersOf(relationship, kept)];
        if (others.Length > 0) FederationLog.RootsOfOthers(logger, trustDomain, source, string.Join(" and ", others));
        metrics.Has(trustDomain, kept.Document.Roots.Length);
        _store.Keep(trustDomain, kept);
    }

    // Under the lock. Whose roots are among those of a bundle, too: most likely a file was taken for another one. They are good for names of its own trust domain all the same.
    private IEnumerable<string> OthersOf(FederatedRelationship relationship, KeptBundle kept)
    {
        HashSet<string> roots = [.. kept.Document.Roots.Select(CertificateFingerprint.Of)];
        if (own() is { } mesh && mesh.Roots.Any(r => roots.Contains(CertificateFingerprint.Of(r)))) yield return $"the mesh's own trust domain, {mesh.TrustDomain}";
        foreach (FederatedRelationship other in _known.Values.Where(o => o != relationship && o.Kept is { } known && known.Document.Roots.Any(r => roots.Contains(CertificateFingerprint.Of(r))))) yield return other.Domain.TrustDomain;
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
