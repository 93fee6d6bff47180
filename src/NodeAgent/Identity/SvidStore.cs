using System.Globalization;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Culvert.Core;
using Culvert.Logging;
using Culvert.Protocol;
using Microsoft.Extensions.Logging;

namespace Culvert.NodeAgent.Identity;

/// <summary>
/// Holds one certificate for each identity that runs on this node and renews it in time: one loop for each identity, on the thread pool, survives any absence
/// of the authority. Thread-safe.
/// </summary>
public sealed class SvidStore : ISvidStore
{
    private const string Gone = "no workload of this node has this identity any more";

    private readonly ICertificateIssuer _issuer;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly SvidCache? _cache;
    private readonly Telemetry.AgentMetrics? _metrics;
    private readonly Lock _lock = new();
    private readonly Dictionary<SpiffeId, Entry> _entries = [];
    private readonly EndingLoops _ending = new();
    private readonly CancellationTokenSource _stop = new();
    private volatile RevokedCredentials _revoked = RevokedCredentials.None;

    /// <summary>Makes an empty store.</summary>
    /// <param name="issuer">Signs.</param>
    /// <param name="cache">Keeps certificates over a restart; null: nothing does.</param>
    /// <param name="time">The clock.</param>
    /// <param name="logger">Where renewals are logged.</param>
    /// <param name="metrics">Counts requests; null: nothing does.</param>
    public SvidStore(ICertificateIssuer issuer, SvidCache? cache, TimeProvider time, ILogger logger, Telemetry.AgentMetrics? metrics = null)
    {
        _cache = cache;
        _issuer = issuer;
        _time = time;
        _logger = logger;
        _metrics = metrics;
    }

    /// <summary>Raised after a certificate arrived or was renewed, on a thread-pool thread.</summary>
    public event Action<Svid>? Changed;

    /// <summary>Never raised: a certificate is in use until another one is there.</summary>
    public event Action<SpiffeId>? Withdrawn
    {
        add { }
        remove { }
    }

    /// <inheritdoc/>
    public string Source => "controller";

    /// <summary>Of which kind new keys are.</summary>
    public KeyKind KeyKind { get; init; } = KeyKind.P256;

    /// <summary>The certificate in use for an identity, or null while none has been signed.</summary>
    public Svid? Find(SpiffeId id)
    {
        lock (_lock) return _entries.TryGetValue(id, out Entry? entry) ? entry.Current : null;
    }

    /// <summary>Renews now whatever is revoked, and takes nothing into use any more that is.</summary>
    public void Revoke(RevokedCredentials revoked)
    {
        ArgumentNullException.ThrowIfNull(revoked);
        _revoked = revoked;
        if (!revoked.Serials.IsEmpty) RenewUnless(svid => SvidVerifier.FindRevoked(svid.Chain, revoked) is null);
    }

    /// <summary>Every identity asked for, by name, with its certificate when there is one.</summary>
    public IReadOnlyList<SvidState> List()
    {
        lock (_lock) return [.. _entries.Select(e => new SvidState(e.Key, e.Value.Current, e.Value.LastError, e.Value.NextAttempt)).OrderBy(e => e.Id.ToString(), StringComparer.Ordinal)];
    }

    /// <summary>
    /// Sets which identities this node needs: starts the renewal of new ones, stops and forgets those that are gone.
    /// </summary>
    /// <param name="wanted">Identity to the uid of one of its workloads on this node.</param>
    public void Want(IReadOnlyDictionary<SpiffeId, string> wanted)
    {
        ArgumentNullException.ThrowIfNull(wanted);
        lock (_lock)
        {
            foreach (SpiffeId gone in _entries.Keys.Where(id => !wanted.ContainsKey(id)).ToArray())
            {
                _ending.Add(_entries[gone].Stop, _entries[gone].Loop);
                _entries.Remove(gone);
                _cache?.Remove(gone);
            }
            foreach ((SpiffeId id, string uid) in wanted)
            {
                if (_entries.TryGetValue(id, out Entry? entry))
                {
                    entry.WorkloadUid = uid;
                    continue;
                }
                entry = new Entry { WorkloadUid = uid, Stop = CancellationTokenSource.CreateLinkedTokenSource(_stop.Token), Current = _cache?.Load(id) };
                _entries.Add(id, entry);
                entry.Loop = Task.Run(() => RenewForeverAsync(id, entry), CancellationToken.None);
            }
        }
    }

    /// <summary>Renews now whatever was signed for longer than <paramref name="lifetime"/>: the mesh has been told to use shorter ones.</summary>
    public void RenewLongerThan(TimeSpan lifetime)
    {
        lock (_lock)
        {
            foreach (Entry entry in _entries.Values)
            {
                if (entry.Current is { } svid && svid.NotAfter - svid.ReceivedAt > lifetime) entry.RenewNow.TrySetResult();
            }
        }
    }

    /// <summary>
    /// Renews now whatever peers do not take any more, as the root below which it was signed has left the trust bundle, or it is revoked; it is shown until the other one is there. What has been asked for
    /// and not come yet may be below that root as well, and is renewed when it has.
    /// </summary>
    /// <param name="isTaken">Whether a certificate still is.</param>
    public void RenewUnless(Func<Svid, bool> isTaken)
    {
        ArgumentNullException.ThrowIfNull(isTaken);
        lock (_lock)
        {
            foreach ((SpiffeId id, Entry entry) in _entries)
            {
                if (entry.Current is { } svid && isTaken(svid)) continue;
                if (entry.Current is not null) SvidLog.NotTaken(_logger, id);
                entry.RenewNow.TrySetResult();
            }
        }
    }

    /// <summary>
    /// Has a certificate renewed now, and waits for what comes of it; the one before is in use until then, and when nothing comes. All who ask meanwhile wait for the same attempt. A certificate that has just come is
    /// not renewed, and an authority that has failed is asked again no sooner than it is anyway: it may have said when.
    /// </summary>
    /// <param name="id">Whose.</param>
    /// <param name="deadline">Ends the wait. The attempt goes on.</param>
    public async Task<Rotation> RotateAsync(SpiffeId id, CancellationToken deadline)
    {
        Entry? entry;
        Svid? before;
        Task<(Svid? Svid, string? Error)> attempt;
        lock (_lock)
        {
            if (!_entries.TryGetValue(id, out entry)) return new Rotation(null, null, Gone);
            before = entry.Current;
            attempt = entry.Attempt.Task;
            if (!entry.IsAsking)
            {
                if (before is { IsFromDisk: false } && Rotation.TooSoon(before.ReceivedAt, _time.GetUtcNow()) is { } tooSoon) return new Rotation(before.Chain[0], null, tooSoon);
                entry.RenewNow.TrySetResult();
            }
        }

        try
        {
            (Svid? svid, string? error) = await attempt.WaitAsync(deadline);
            return new Rotation(before?.Chain[0], svid?.Chain[0], error);
        }
        catch (OperationCanceledException)
        {
            return new Rotation(before?.Chain[0], null, WhyNotInTime(entry));
        }
    }

    /// <summary>Forgets a certificate that can't be used, on disk as well, and asks for another one now.</summary>
    public void Discard(Svid svid)
    {
        ArgumentNullException.ThrowIfNull(svid);
        lock (_lock)
        {
            if (!_entries.TryGetValue(svid.Id, out Entry? entry) || !ReferenceEquals(entry.Current, svid)) return;
            entry.Current = null;
            _cache?.Remove(svid.Id);
            entry.RenewNow.TrySetResult();
        }
    }

    /// <summary>Stops every renewal.</summary>
    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        Entry[] entries;
        Task[] ending;
        lock (_lock) (entries, ending) = ([.. _entries.Values], [.. _ending.Loops]);
        await Task.WhenAll([.. entries.Select(e => e.Loop), .. ending]);
        foreach (Entry entry in entries) entry.Stop.Dispose();
        _stop.Dispose();
    }

    private string WhyNotInTime(Entry entry)
    {
        lock (_lock)
        {
            return entry.IsAsking || entry.LastError is null
                ? "no answer came in time; the attempt goes on"
                : $"{entry.LastError}; the next attempt is at {entry.NextAttempt?.ToString("u", CultureInfo.InvariantCulture)}";
        }
    }

    private async Task RenewForeverAsync(SpiffeId id, Entry entry)
    {
        int failures = 0;
        CancellationToken stop = entry.Stop.Token;
        while (!stop.IsCancellationRequested)
        {
            try
            {
                // What was to be renewed and could not be is tried again, also when it was asked for long before its time.
                if (failures == 0 && entry.Current is { } current) await WaitUntilDueAsync(current, entry, stop);
                lock (_lock) entry.BeginAttempt();
                Svid svid = await RenewAsync(id, entry, stop);
                failures = 0;
                lock (_lock)
                {
                    // Nobody wants it any more: its key is not left on the disk.
                    if (stop.IsCancellationRequested) break;
                    (entry.Current, entry.LastError, entry.IsAsking) = (svid, null, false);
                    _cache?.Save(svid);
                }
                _metrics?.CertificateRequests.With("issued").Increment();
                SvidLog.Issued(_logger, id, svid.Version, SvidReader.SerialOf(svid.Chain[0]), svid.NotAfter);
                Changed?.Invoke(svid);
                lock (_lock) entry.EndAttempt(svid, null);
            }
            catch (OperationCanceledException) when (stop.IsCancellationRequested)
            {
                break;
            }
            catch (Exception e) when (e is not OutOfMemoryException)
            {
                string reason = CallFailure.Describe(e);
                TimeSpan wait = RotationSchedule.RetryAfter(failures++, Random.Shared.NextDouble(), RetryPushback.Of(e));
                _metrics?.CertificateRequests.With("failed").Increment();
                SvidLog.Failed(_logger, id, failures, reason);
                lock (_lock)
                {
                    (entry.LastError, entry.IsAsking, entry.NextAttempt) = (reason, false, _time.GetUtcNow() + wait);
                    entry.EndAttempt(null, reason);
                }
                await Task.Delay(wait, _time, stop).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }
        lock (_lock) entry.Attempt.TrySetResult((null, Gone));
    }

    private static TaskCompletionSource NewSignal() => new(TaskCreationOptions.RunContinuationsAsynchronously);

    private async Task WaitUntilDueAsync(Svid current, Entry entry, CancellationToken stop)
    {
        DateTimeOffset due = RotationSchedule.RenewAt(current.ReceivedAt, current.NotAfter, Random.Shared.NextDouble());
        TimeSpan wait = due - _time.GetUtcNow();
        if (wait <= TimeSpan.Zero) return;
        Task renewNow;
        lock (_lock) (renewNow, entry.NextAttempt) = (entry.RenewNow.Task, due);
        using CancellationTokenSource timer = CancellationTokenSource.CreateLinkedTokenSource(stop);
        await Task.WhenAny(renewNow, Task.Delay(wait, _time, timer.Token));
        await timer.CancelAsync();
        stop.ThrowIfCancellationRequested();
    }

    private async Task<Svid> RenewAsync(SpiffeId id, Entry entry, CancellationToken stop)
    {
        using AsymmetricAlgorithm key = KeyKind.CreateKey();
        IssuedCertificate issued = await _issuer.SignAsync(entry.WorkloadUid, CsrIdentity.Create(key, id), stop);
        if (issued.Chain.Count == 0) throw new InvalidOperationException("the authority answered without a certificate");
        using X509Certificate2 leaf = X509CertificateLoader.LoadCertificate(issued.Chain[0]);
        if (!leaf.PublicKey.ExportSubjectPublicKeyInfo().AsSpan().SequenceEqual(key.ExportSubjectPublicKeyInfo()))
            throw new InvalidOperationException("the authority signed another key than the one asked for");
        if (SvidVerifier.FindRevoked(issued.Chain, _revoked) is { } serial)
            throw new InvalidOperationException($"what the authority signed leads over certificate {serial}, which is revoked");
        return new Svid(id, (entry.Current?.Version ?? 0) + 1, issued.Chain, PrivateKeyBytes.Of(key), issued.NotBefore, issued.NotAfter, _time.GetUtcNow());
    }

    private sealed class Entry
    {
        internal required string WorkloadUid { get; set; }

        internal required CancellationTokenSource Stop { get; init; }

        internal Svid? Current { get; set; }

        internal string? LastError { get; set; }

        internal TaskCompletionSource RenewNow { get; set; } = NewSignal();

        /// <summary>Whether an attempt is under way.</summary>
        internal bool IsAsking { get; set; }

        /// <summary>When the next attempt is; null while one is under way, or about to be.</summary>
        internal DateTimeOffset? NextAttempt { get; set; }

        /// <summary>What comes of the attempt under way, or of the next one.</summary>
        internal TaskCompletionSource<(Svid? Svid, string? Error)> Attempt { get; private set; } = NewAttempt();

        internal Task Loop { get; set; } = Task.CompletedTask;

        internal void BeginAttempt() => (RenewNow, IsAsking, NextAttempt) = (NewSignal(), true, null);

        internal void EndAttempt(Svid? svid, string? error)
        {
            Attempt.TrySetResult((svid, error));
            Attempt = NewAttempt();
        }

        private static TaskCompletionSource<(Svid? Svid, string? Error)> NewAttempt() => new(TaskCreationOptions.RunContinuationsAsynchronously);
    }
}

internal static partial class SvidLog
{
    [LoggerMessage(EventId = LogEventIds.Issued, Level = LogLevel.Information, Message = "certificate {Version} for {Id}, serial number {Serial}, is valid until {NotAfter:O}")]
    internal static partial void Issued(ILogger logger, SpiffeId id, int version, CertificateSerial serial, DateTimeOffset notAfter);

    [LoggerMessage(EventId = LogEventIds.SvidNotTaken, Level = LogLevel.Information, Message = "the certificate for {Id} does not lead to the trust bundle any more, or is revoked: another one is asked for now")]
    internal static partial void NotTaken(ILogger logger, SpiffeId id);

    [LoggerMessage(EventId = LogEventIds.SvidStoreFailed, Level = LogLevel.Warning, Message = "no certificate for {Id} (attempt {Attempt}): {Error}")]
    internal static partial void Failed(ILogger logger, SpiffeId id, int attempt, string error);
}
