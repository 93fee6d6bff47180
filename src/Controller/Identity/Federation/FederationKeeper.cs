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
internal sealed class FederationKeeper(FederationOptions options, IBundleStore store, FederatedBundles bundles, Func<TrustBundle?> own, FederationMetrics metrics, TimeProvider time, ILogger logger) : IHostedService, IDisposable
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
    private DateTimeOffset? _emptySince;
    private bool _isDisposed;
    private Task _running = Task.CompletedTask;

    /// <summary>Reads the file for the first time, and what was kept. Endpoints of which nothing was are waited for, not for long: a controller that starts anew does not say that nobody is believed because it does not know yet.</summary>
    /// <exception cref="InvalidDataException">The file can't be read at all.</exception>
    public async Task StartAsync(CancellationToken cancellationToken)
    {
        if (options.Path is not { } path)
        {
            ForgetOthers([]);
            return;
        }
        FederationFile read = await FederationFile.ReadAsync(path, own()?.TrustDomain, cancellationToken);
        if (read.IsWhole && !read.IsEmpty) ForgetOthers([.. read.Broken, .. read.Domains.Select(d => d.TrustDomain)]);
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
            foreach (Relationship relationship in _known.Values) relationship.AwaitedUntil = DateTimeOffset.MinValue;
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
        if (!_known.TryGetValue(domain.TrustDomain, out Relationship? known))
        {
            FederationLog.Federated(logger, domain.TrustDomain, SourceOf(domain));
            _known.Add(domain.TrustDomain, known = new(domain) { Kept = Load(domain.TrustDomain) });
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

    private void ForgetOthers(IReadOnlyCollection<string> trustDomains)
    {
        try
        {
            store.ForgetOthers(trustDomains);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            FederationLog.NotKept(logger, "trust domains that are named no more", e.Message);
        }
    }

    // What another controller has been told since: also where this one's endpoint lags behind.
    private void TakeOthers()
    {
        lock (_lock)
        {
            foreach (Relationship relationship in _known.Values)
            {
                KeptBundle? held = relationship.Kept;
                if (store.FindOthers(relationship.Domain.TrustDomain) is not { } other || held?.IsOlderThan(other) == false || IsOfOtherFile(relationship, other)) continue;
                if (held is null || !held.Document.HasSameKeys(other.Document)) Replace(relationship, other, "another controller");
                else relationship.Kept = other with { Document = other.Document with { Roots = held.Document.Roots, JwtKeys = held.Document.JwtKeys } };
            }
        }
    }

    // Of a domain of which nothing is known here; its own file is read first.
    private static bool IsOfOtherFile(Relationship relationship, KeptBundle other) => relationship.Kept is null && relationship.Domain.BundlePath is not null && other.FileDigest != relationship.First?.Digest;

    /// <summary>
    /// Takes bundles of files that were not read before, or are others than were: who has put one there means it to count, whatever the endpoint has said. Where nothing is known any more of what that has said, it is asked first, and the file
    /// only proves it: what it brings may have been revoked since.
    /// </summary>
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
                if (FindFault(file.Document) is { } fault) (file, failure) = (null, $"{path} has a bundle that can't be used: {fault}");
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
                if (!IsAwaited(relationship)) Replace(relationship, new(WithoutEnded(file.Document), file.Digest, file.Document.Sequence, time.GetUtcNow()), path);
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
    private void TakeTold(Relationship relationship, BundleDocument? told, string? failure, string source, TimeSpan wait)
    {
        string trustDomain = relationship.Domain.TrustDomain;
        KeptBundle? last = relationship.Kept ?? (relationship.First is { } first ? new(first.Document, first.Digest, first.Document.Sequence, time.GetUtcNow()) : null);
        if (told is not null) failure = FindDoubt(told, last);
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
        KeptBundle kept = new(WithoutEnded(told), last?.FileDigest, told.Sequence, time.GetUtcNow());
        if (relationship.Kept?.Document is { } before && kept.Document.HasSameKeys(before))
        {
            metrics.Same(trustDomain, time.GetUtcNow());

            // In the order of before: nodes need not hear of another one.
            if (told.Sequence == before.Sequence && told.RefreshHint == before.RefreshHint && kept.Floor == relationship.Kept.Floor) return;
            relationship.Kept = kept with { Document = kept.Document with { Roots = before.Roots, JwtKeys = before.JwtKeys } };
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
    private string? FindDoubt(BundleDocument told, KeptBundle? last)
    {
        const string remedy = "where the trust domain was set up anew, bring its bundle by a file ('bundle')";
        if (last?.Floor is { } floor)
        {
            if (told.Sequence is not { } sequence) return $"it has no sequence, and the one in force {floor}; {remedy}";
            if (sequence < floor) return $"its sequence is {sequence}, and that of the one in force {floor}; {remedy}";
            if (sequence == floor && !WithoutEnded(told).HasSameKeys(WithoutEnded(last.Document))) return $"its sequence is {sequence}, as that of the one in force, and its keys are others; {remedy}";
        }
        return FindFault(told);
    }

    /// <summary>Why a bundle can't be in force, whoever brings it; null: it can.</summary>
    private string? FindFault(BundleDocument told)
    {
        if (told.Roots.IsEmpty) return told.LeftOut.IsEmpty ? null : $"none of its keys for X.509-SVIDs can be used: it {told.LeftOut[0]}";
        ImmutableArray<ReadOnlyMemory<byte>> roots = WithoutEnded(told).Roots;
        if (roots.IsEmpty) return $"its {told.Roots.Length} roots have all ended; check the clocks";
        return roots.Length > BundleDocument.MostRoots || roots.Sum(r => r.Length) > BundleDocument.MostRootBytes
            ? $"it has {roots.Length} roots of {roots.Sum(r => r.Length)} bytes, and {BundleDocument.MostRoots} of {BundleDocument.MostRootBytes} are the most"
            : null;
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
        lock (_lock) return _known.GetValueOrDefault(trustDomain) is { } known ? (known.Kept?.Document ?? known.First?.Document)?.Roots : null;
    }

    // Under the lock.
    private bool IsAwaited(Relationship relationship) => relationship.Kept is null && time.GetUtcNow() < relationship.AwaitedUntil;

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

        /// <summary>Until when its endpoint's first answer is waited for before the file's bundle counts; in the past: it is not.</summary>
        public DateTimeOffset AwaitedUntil { get; set; } = DateTimeOffset.MinValue;

        /// <summary>The file's bundle, by which the endpoint is proven where nothing else is known; null: none was read yet.</summary>
        public BundleFile? First { get; set; }

        /// <summary>What was left out of what it has told last.</summary>
        public string LeftOut { get; set; } = "";

        /// <summary>When the endpoint is to be asked next.</summary>
        public DateTimeOffset Due { get; set; } = DateTimeOffset.MinValue;

        /// <summary>Why it could not be asked the last time; null: it could.</summary>
        public string? Failure { get; set; }

        /// <summary>Why the file could not be used; null: it could.</summary>
        public string? FileFailure { get; set; }
    }
}
