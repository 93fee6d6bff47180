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
public sealed class SvidStore : IAsyncDisposable
{
    private readonly ICertificateIssuer _issuer;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly SvidCache? _cache;
    private readonly Telemetry.AgentMetrics? _metrics;
    private readonly Lock _lock = new();
    private readonly Dictionary<SpiffeId, Entry> _entries = [];
    private readonly List<Task> _ending = []; // loops of those that nobody wants any more
    private readonly CancellationTokenSource _stop = new();

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

    /// <summary>The certificate in use for an identity, or null while none has been signed.</summary>
    public Svid? Find(SpiffeId id)
    {
        lock (_lock) return _entries.TryGetValue(id, out Entry? entry) ? entry.Current : null;
    }

    /// <summary>Every identity asked for, with its certificate when there is one.</summary>
    public IReadOnlyList<(SpiffeId Id, Svid? Svid, string? LastError)> List()
    {
        lock (_lock) return [.. _entries.Select(e => (e.Key, e.Value.Current, e.Value.LastError)).OrderBy(e => e.Key.ToString(), StringComparer.Ordinal)];
    }

    /// <summary>
    /// Sets which identities this node needs: starts the renewal of new ones, stops and forgets those that are gone.
    /// </summary>
    /// <param name="wanted">Identity to the uid of one of its workloads on this node.</param>
    public void Want(IReadOnlyDictionary<SpiffeId, string> wanted)
    {
        lock (_lock)
        {
            foreach (SpiffeId gone in _entries.Keys.Where(id => !wanted.ContainsKey(id)).ToArray())
            {
                _entries[gone].Stop.Cancel();
                _ending.RemoveAll(l => l.IsCompleted);
                _ending.Add(_entries[gone].Loop);
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
    internal void RenewUnless(Func<Svid, bool> isTaken)
    {
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
        Task[] loops;
        lock (_lock) loops = [.. _entries.Values.Select(e => e.Loop), .. _ending];
        await Task.WhenAll(loops);
        _stop.Dispose();
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
                lock (_lock) entry.RenewNow = NewSignal();
                Svid svid = await RenewAsync(id, entry, stop);
                failures = 0;
                lock (_lock)
                {
                    // Nobody wants it any more: its key is not left on the disk.
                    if (stop.IsCancellationRequested) return;
                    (entry.Current, entry.LastError) = (svid, null);
                    _cache?.Save(svid);
                }
                _metrics?.CertificateRequests.With("issued").Increment();
                SvidLog.Issued(_logger, id, svid.Version, svid.NotAfter);
                Changed?.Invoke(svid);
            }
            catch (OperationCanceledException) when (stop.IsCancellationRequested)
            {
                return;
            }
            catch (Exception e) when (e is not OutOfMemoryException)
            {
                string reason = CallFailure.Describe(e);
                lock (_lock) entry.LastError = reason;
                _metrics?.CertificateRequests.With("failed").Increment();
                SvidLog.Failed(_logger, id, failures + 1, reason);
                if (!await WaitAsync(RotationSchedule.RetryAfter(failures++, Random.Shared.NextDouble(), RetryPushback.Of(e)), stop)) return;
            }
        }
    }

    private static TaskCompletionSource NewSignal() => new(TaskCreationOptions.RunContinuationsAsynchronously);

    private async Task WaitUntilDueAsync(Svid current, Entry entry, CancellationToken stop)
    {
        TimeSpan wait = RotationSchedule.RenewAt(current.ReceivedAt, current.NotAfter, Random.Shared.NextDouble()) - _time.GetUtcNow();
        if (wait <= TimeSpan.Zero) return;
        Task renewNow;
        lock (_lock) renewNow = entry.RenewNow.Task;
        using CancellationTokenSource timer = CancellationTokenSource.CreateLinkedTokenSource(stop);
        await Task.WhenAny(renewNow, Task.Delay(wait, _time, timer.Token));
        await timer.CancelAsync();
        stop.ThrowIfCancellationRequested();
    }

    private async Task<bool> WaitAsync(TimeSpan wait, CancellationToken stop)
    {
        await Task.Delay(wait, _time, stop).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        return !stop.IsCancellationRequested;
    }

    private async Task<Svid> RenewAsync(SpiffeId id, Entry entry, CancellationToken stop)
    {
        using ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        IssuedCertificate issued = await _issuer.SignAsync(entry.WorkloadUid, CsrIdentity.Create(key, id), stop);
        if (issued.Chain.Count == 0) throw new InvalidOperationException("the authority answered without a certificate");
        using X509Certificate2 leaf = X509CertificateLoader.LoadCertificate(issued.Chain[0]);
        if (!leaf.PublicKey.ExportSubjectPublicKeyInfo().AsSpan().SequenceEqual(key.ExportSubjectPublicKeyInfo()))
            throw new InvalidOperationException("the authority signed another key than the one asked for");
        return new Svid(id, (entry.Current?.Version ?? 0) + 1, issued.Chain, key.ExportPkcs8PrivateKey(), issued.NotBefore, issued.NotAfter, _time.GetUtcNow());
    }

    private sealed class Entry
    {
        internal required string WorkloadUid { get; set; }

        internal required CancellationTokenSource Stop { get; init; }

        internal Svid? Current { get; set; }

        internal string? LastError { get; set; }

        internal TaskCompletionSource RenewNow { get; set; } = NewSignal();

        internal Task Loop { get; set; } = Task.CompletedTask;
    }
}

internal static partial class SvidLog
{
    [LoggerMessage(EventId = LogEventIds.Issued, Level = LogLevel.Information, Message = "certificate {Version} for {Id} is valid until {NotAfter:O}")]
    internal static partial void Issued(ILogger logger, SpiffeId id, int version, DateTimeOffset notAfter);

    [LoggerMessage(EventId = LogEventIds.SvidNotTaken, Level = LogLevel.Information, Message = "the certificate for {Id} does not lead to the trust bundle any more, or is revoked: another one is asked for now")]
    internal static partial void NotTaken(ILogger logger, SpiffeId id);

    [LoggerMessage(EventId = LogEventIds.SvidStoreFailed, Level = LogLevel.Warning, Message = "no certificate for {Id} (attempt {Attempt}): {Error}")]
    internal static partial void Failed(ILogger logger, SpiffeId id, int attempt, string error);
}
