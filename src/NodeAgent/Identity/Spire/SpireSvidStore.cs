using Culvert.Core;
using Culvert.NodeAgent.Options;
using Culvert.NodeAgent.Telemetry;
using Culvert.Protocol;
using Culvert.Protocol.SpireAgentApi;
using Culvert.Protocol.SpireTypes;
using Grpc.Core;
using Microsoft.Extensions.Logging;

namespace Culvert.NodeAgent.Identity.Spire;

/// <summary>
/// Certificates that the SPIRE agent of the machine sends, by its Delegated Identity API: one stream for each identity that runs on this node, asked for by selectors, and one for the roots. Each certificate is verified as
/// peers do before it is used, again when the bundle or what is revoked changes, and not used a moment longer than it is valid, also where the agent still serves it. While the agent is away what it has sent is in use.
/// Keys are in this process's memory only, and never on disk: the agent answers within milliseconds. Thread-safe.
/// </summary>
internal sealed class SpireSvidStore : ISvidStore
{
    private const string Gone = "no workload of this node has this identity any more";

    // The longest until a certificate's end is noticed when the clock was set, and until one is looked at again that was not good.
    private static readonly TimeSpan LongestLook = TimeSpan.FromMinutes(1);

    private readonly IReadOnlyList<SelectorTemplate> _selectors;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly AgentMetrics? _metrics;
    private readonly SpireAgentLink _link;
    private readonly Lock _lock = new();
    private readonly Dictionary<SpiffeId, FollowedSvid> _entries = [];
    private readonly EndingLoops _ending = new();
    private readonly CancellationTokenSource _stop = new();
    private readonly ITimer _timer;
    private readonly Task _running;
    private RevokedCredentials _revoked = RevokedCredentials.None;
    private SubscribeToX509BundlesResponse? _told;
    private TrustBundle _bundle = TrustBundle.Empty;
    private string? _bundleError;
    private string? _foreignError;

    /// <summary>Begins to connect.</summary>
    /// <param name="endpoint">The admin socket of the SPIRE agent.</param>
    /// <param name="selectors">What an identity's certificate is asked for by; none: <see cref="SelectorTemplate.Defaults"/>.</param>
    /// <param name="time">The clock.</param>
    /// <param name="logger">Where it is said what comes.</param>
    /// <param name="metrics">Counts certificates; null: nothing does.</param>
    internal SpireSvidStore(SpiffeEndpoint endpoint, IReadOnlyList<SelectorTemplate> selectors, TimeProvider time, ILogger logger, AgentMetrics? metrics = null)
    {
        (_selectors, _time, _logger, _metrics) = (selectors.Count > 0 ? selectors : SelectorTemplate.Defaults, time, logger, metrics);
        _link = new(endpoint, time, logger);
        _timer = time.CreateTimer(_ => Look(), null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        _running = Task.Run(() => _link.RunAsync(Take, _stop.Token));
    }

    /// <inheritdoc/>
    public event Action<Svid>? Changed;

    /// <inheritdoc/>
    public event Action<SpiffeId>? Withdrawn;

    /// <summary>Raised after the agent has told bundles, of this or of other trust domains, before certificates are looked at again.</summary>
    internal event Action? BundleChanged;

    /// <inheritdoc/>
    public string Source => "spire-agent";

    /// <inheritdoc/>
    public bool? IsConnected => _link.IsConnected;

    /// <summary>The roots of the trust domain that is followed; empty before the agent has told them.</summary>
    internal TrustBundle Bundle
    {
        get
        {
            lock (_lock) return _bundle;
        }
    }

    /// <inheritdoc/>
    public Svid? Find(SpiffeId id)
    {
        lock (_lock) return _entries.TryGetValue(id, out FollowedSvid? entry) ? entry.Current : null;
    }

    /// <inheritdoc/>
    public IReadOnlyList<SvidState> List()
    {
        string? away = _link.Failure;
        lock (_lock) return [.. _entries.Values.Select(e => new SvidState(e.Id, e.Current, away ?? e.StreamError ?? e.Doubt, null)).OrderBy(e => e.Id.ToString(), StringComparer.Ordinal)];
    }

    /// <inheritdoc/>
    public void Want(IReadOnlyDictionary<SpiffeId, string> wanted)
    {
        lock (_lock)
        {
            foreach (SpiffeId gone in _entries.Keys.Where(id => !wanted.ContainsKey(id)).ToArray())
            {
                _ending.Add(_entries[gone].Stop, _entries[gone].Following);
                _entries.Remove(gone);
            }
            foreach (SpiffeId id in wanted.Keys.Where(id => !_entries.ContainsKey(id)))
            {
                FollowedSvid entry = new() { Id = id, Stop = CancellationTokenSource.CreateLinkedTokenSource(_stop.Token) };
                _entries.Add(id, entry);
                entry.Following = Task.Run(() => FollowAsync(entry), CancellationToken.None);
            }
        }
    }

    /// <inheritdoc/>
    public void Revoke(RevokedCredentials revoked)
    {
        lock (_lock) _revoked = revoked;
        EvaluateAll();
    }

    /// <summary>Says that SPIRE renews by itself: nobody can ask its agent to.</summary>
    public Task<Rotation> RotateAsync(SpiffeId id, CancellationToken deadline)
    {
        lock (_lock)
        {
            return Task.FromResult(_entries.TryGetValue(id, out FollowedSvid? entry)
                ? new Rotation(entry.Current?.Chain[0], null, "SPIRE renews what its agent gives by itself; `spire-server entry update` of the identity's entry has another certificate, with another key, made within seconds")
                : new Rotation(null, null, Gone));
        }
    }

    /// <summary>From now on the roots of this trust domain, the mesh's, are in force.</summary>
    /// <returns>They, as far as the agent has told them.</returns>
    internal TrustBundle Follow(string trustDomain)
    {
        lock (_lock)
        {
            if (_bundle.TrustDomain == trustDomain) return _bundle;
            _bundle = new(trustDomain, []);
            ReadBundle();
        }
        EvaluateAll();
        return Bundle;
    }

    /// <summary>The roots of another trust domain; null: the agent does not know it, or what it has told is no bundle.</summary>
    internal TrustBundle? FindForeign(string trustDomain)
    {
        lock (_lock)
        {
            try
            {
                return _told is null ? null : SpireBundle.Read(_told, trustDomain, _time.GetUtcNow());
            }
            catch (InvalidDataException e)
            {
                string error = $"the bundle of {trustDomain} from the SPIRE agent at {_link.Endpoint} is not taken: {e.Message}";
                if (error != _foreignError) SpireAgentLog.Failed(_logger, error);
                _foreignError = error;
                return null;
            }
        }
    }

    /// <summary>Waits until the streams are over of all that nobody wants any more.</summary>
    internal Task SettleAsync()
    {
        lock (_lock) return Task.WhenAll(_ending.Loops);
    }

    /// <summary>Ends all streams.</summary>
    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        FollowedSvid[] entries;
        Task[] ending;
        lock (_lock) (entries, ending) = ([.. _entries.Values], [.. _ending.Loops]);
        await Task.WhenAll([_running, .. entries.Select(e => e.Following), .. ending]);
        foreach (FollowedSvid entry in entries) entry.Stop.Dispose();
        await _timer.DisposeAsync();
        _stop.Dispose();
    }

    private async Task FollowAsync(FollowedSvid entry)
    {
        CancellationToken stop = entry.Stop.Token;
        if (RequestFor(entry.Id) is not { } request)
        {
            Note(entry, $"it names no namespace and service account, which --spire-selector ({string.Join(", ", _selectors)}) needs", isLogged: true);
            return;
        }
        int failures = 0;
        try
        {
            // A session that there is does not look at what is cancelled.
            while (!stop.IsCancellationRequested)
            {
                SpireAgentSession session = await _link.SessionAsync(stop);
                using CancellationTokenSource either = CancellationTokenSource.CreateLinkedTokenSource(stop, session.Ended);
                string reason;
                bool isLogged = true;
                try
                {
                    using AsyncServerStreamingCall<SubscribeToX509SVIDsResponse> call = new DelegatedIdentity.DelegatedIdentityClient(session.Invoker).SubscribeToX509SVIDs(request, cancellationToken: either.Token);
                    while (await call.ResponseStream.MoveNext(either.Token))
                    {
                        failures = 0;
                        Take(entry, call.ResponseStream.Current);
                    }
                    reason = $"the SPIRE agent at {_link.Endpoint} has ended the stream";
                }
                catch (Exception) when (either.IsCancellationRequested)
                {
                    continue;
                }
                catch (Exception e) when (e is not OutOfMemoryException)
                {
                    // That the connection is gone is told once, for all.
                    isLogged = e is not RpcException failure || CallFailure.CodeOf(failure) != StatusCode.Unavailable;
                    reason = SpireAgentFailure.Describe(_link.Endpoint, e);
                }
                Note(entry, reason, isLogged);
                await Task.Delay(SpireAgentLink.PauseAfter(failures++), _time, either.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            // Nobody wants it any more.
        }
    }

    private SubscribeToX509SVIDsRequest? RequestFor(SpiffeId id)
    {
        SubscribeToX509SVIDsRequest request = new();
        foreach (SelectorTemplate selector in _selectors)
        {
            if (selector.ValueFor(id) is not { } value) return null;
            request.Selectors.Add(new Selector { Type = selector.Type, Value = value });
        }
        return request;
    }

    private void Note(FollowedSvid entry, string reason, bool isLogged)
    {
        bool isNew;
        lock (_lock)
        {
            isNew = entry.StreamError != reason;
            entry.StreamError = reason;
        }
        if (isNew && isLogged) SpireAgentLog.Missing(_logger, entry.Id, reason);
    }

    private void Take(FollowedSvid entry, SubscribeToX509SVIDsResponse answer)
    {
        IReadOnlyList<DelegatedSvid> read = DelegatedSvid.Read(answer, entry.Id);
        string others = read.Count > 0 ? "" : string.Join(", ", DelegatedSvid.IdentitiesOf(answer));
        SvidFinding finding;
        lock (_lock)
        {
            (entry.Answer, entry.Others, entry.StreamError) = (read, others, null);
            finding = Evaluate(entry);
            SetTimer();
        }
        if (finding.IsRefusal) _metrics?.SpireCertificates.With("refused").Increment();
        Tell(entry.Id, finding);
    }

    private void Take(SubscribeToX509BundlesResponse told)
    {
        bool isChanged;
        lock (_lock)
        {
            _told = told;
            isChanged = ReadBundle();
        }
        BundleChanged?.Invoke();
        if (isChanged) EvaluateAll();
    }

    // Under the lock. What was in force is, where the agent does not know the trust domain any more or tells nonsense: roots of one trust domain are not believed in the name of another.
    private bool ReadBundle()
    {
        if (_told is null || _bundle.TrustDomain.Length == 0) return false;
        string? error = null;
        TrustBundle? read = null;
        try
        {
            read = SpireBundle.Read(_told, _bundle.TrustDomain, _time.GetUtcNow());
            if (read is null) error = $"the SPIRE agent at {_link.Endpoint} has no bundle of the mesh's trust domain, {_bundle.TrustDomain}; it has: {SpireBundle.Names(_told)}. Set spec.trustDomain of the MeshConfig to that of the SPIRE agent's server";
        }
        catch (InvalidDataException e)
        {
            error = $"the bundle of {_bundle.TrustDomain} from the SPIRE agent at {_link.Endpoint} is not taken: {e.Message}";
        }
        if (error is not null && error != _bundleError) SpireAgentLog.Failed(_logger, error);
        _bundleError = error;
        if (read is null || SpireBundle.HasSameRoots(read, _bundle)) return false;
        _bundle = read;
        SpireAgentLog.BundleTaken(_logger, read.TrustDomain, read.Roots.Length);
        return true;
    }

    // Called when a certificate may have ended, or one that was not good may be by now.
    private void Look()
    {
        List<(SpiffeId, SvidFinding)> findings = [];
        lock (_lock)
        {
            DateTimeOffset now = _time.GetUtcNow();
            foreach (FollowedSvid entry in _entries.Values.Where(e => e.Doubt is not null || e.Current?.NotAfter <= now)) findings.Add((entry.Id, Evaluate(entry)));
            SetTimer();
        }
        foreach ((SpiffeId id, SvidFinding finding) in findings) Tell(id, finding);
    }

    private void EvaluateAll()
    {
        List<(SpiffeId, SvidFinding)> findings;
        lock (_lock)
        {
            findings = [.. _entries.Values.Select(e => (e.Id, Evaluate(e)))];
            SetTimer();
        }
        foreach ((SpiffeId id, SvidFinding finding) in findings) Tell(id, finding);
    }

    // Under the lock.
    private void SetTimer()
    {
        if (_stop.IsCancellationRequested) return;
        DateTimeOffset now = _time.GetUtcNow();
        TimeSpan? next = null;
        foreach (FollowedSvid entry in _entries.Values)
        {
            TimeSpan? due = entry.Current is { } svid ? svid.NotAfter - now : null;
            if (due is null && entry is not { Doubt: not null, Answer.Count: > 0 }) continue;
            TimeSpan wait = due < LongestLook ? due.Value : LongestLook;
            if (next is null || wait < next) next = wait;
        }
        _timer.Change(next is { } wanted ? (wanted > TimeSpan.Zero ? wanted : TimeSpan.Zero) : Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
    }

    // Under the lock. Says which certificate is in use from now on.
    private SvidFinding Evaluate(FollowedSvid entry)
    {
        if (entry.Answer is not { } answer || _bundle.TrustDomain.Length == 0) return default;
        DateTimeOffset now = _time.GetUtcNow();
        DelegatedSvid? best = null;
        string? broken = null;
        foreach (DelegatedSvid told in answer)
        {
            if (told.FindBroken(entry.Id, _bundle, _revoked, now) is { } why) broken ??= why;
            else if (entry.Uses(told)) best = told;
            else if (best is null || (!entry.Uses(best) && told.NotAfter > best.NotAfter)) best = told;
        }

        string? before = entry.Doubt;
        if (best is not null)
        {
            entry.Doubt = null;
            if (entry.Uses(best)) return default;
            entry.Version++;
            entry.Current = new Svid(entry.Id, entry.Version, best.Chain, best.PrivateKey!, best.NotBefore, best.NotAfter, now);
            return new() { Taken = entry.Current };
        }

        // One that was good and is, though another one that should follow it is not: it is used. One that is told no more is not.
        SvidLoss? lost = entry.Current is { } current ? FindLoss(entry.Id, current, answer, now) : null;
        if (lost is not null) entry.Current = null;
        entry.Doubt = (broken is null || _bundle.Roots.IsEmpty) && _bundleError is not null ? _bundleError : broken is not null ? $"the certificate that the SPIRE agent gives {broken}" : WhyNone(entry);
        return new() { Lost = lost, Doubt = entry.Doubt == before && lost is null ? null : entry.Doubt, IsKept = entry.Current is not null, IsRefusal = broken is not null };
    }

    // Under the lock. How a certificate that was good is so no more; null: it still is.
    private SvidLoss? FindLoss(SpiffeId id, Svid current, IReadOnlyList<DelegatedSvid> answer, DateTimeOffset now)
    {
        if (answer.Count == 0) return SvidLoss.Withdrawn;
        if (now >= current.NotAfter) return SvidLoss.Expired;
        return DelegatedSvid.FindBroken(current.Chain, current.NotAfter, id, _bundle, _revoked, now) is null ? null : SvidLoss.Refused;
    }

    private string WhyNone(FollowedSvid entry)
    {
        string[] selectors = [.. RequestFor(entry.Id)!.Selectors.Select(s => $"{s.Type}:{s.Value}")];
        string instead = entry.Others.Length > 0 ? $" (it has {entry.Others} for them)" : "";
        return $"the SPIRE agent has no entry of this identity for {string.Join(" and ", selectors)}{instead}; make one: spire-server entry create -spiffeID {entry.Id} -parentID <the SPIRE agent's ID> {string.Join(' ', selectors.Select(s => $"-selector {s}"))}";
    }

    private void Tell(SpiffeId id, SvidFinding finding)
    {
        if (finding.Taken is { } taken)
        {
            _metrics?.SpireCertificates.With("taken").Increment();
            SpireAgentLog.Taken(_logger, id, taken.Version, SvidReader.SerialOf(taken.Chain[0]), taken.NotAfter);
            Changed?.Invoke(taken);
            return;
        }
        if (finding.Doubt is { } doubt && finding.IsKept) SpireAgentLog.Refused(_logger, id, doubt);
        else if (finding.Doubt is not null) SpireAgentLog.Missing(_logger, id, finding.Doubt);
        if (finding.Lost is not { } lost) return;
        if (lost is SvidLoss.Withdrawn) _metrics?.SpireCertificates.With("withdrawn").Increment();
        if (lost is SvidLoss.Expired) _metrics?.SpireCertificates.With("expired").Increment();
        Withdrawn?.Invoke(id);
    }
}
