using System.Collections.Immutable;
using Culvert.Protocol.SpireApi;
using Culvert.Protocol.SpireTypes;
using Microsoft.Extensions.Logging;
using Entry = Culvert.Protocol.SpireTypes.Entry;

namespace Culvert.Controller.Identity.Spire.Entries;

/// <summary>
/// The keeping of entries by one controller while it leads: what the server has is read as a whole at first, from time to time, and whenever it is not known what a call has done; what the world changes is compared with
/// that, and only what differs is written. Other entries than this mesh's are never touched. Not thread-safe.
/// </summary>
internal sealed class EntryTerm
{
    private const int Ok = 0, InvalidArgument = 3, NotFound = 5, AlreadyExists = 6, PermissionDenied = 7, Internal = 13;

    private readonly SpireServer _server;
    private readonly IEntrySource _source;
    private readonly SpireEntryOptions _options;
    private readonly EntryMetrics _metrics;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly long _begun;
    private readonly EntryPlanner _planner;
    private readonly EntryRefusals _refusals;
    private readonly EntryDeletions _deletions;

    /// <summary>The entries that the server has of this mesh, by ID.</summary>
    private Dictionary<string, SpireEntry> _own = new(StringComparer.Ordinal);

    /// <summary>The IDs of those of others, by the ID of what is wanted and would be the same.</summary>
    private Dictionary<string, string> _others = new(StringComparer.Ordinal);

    /// <summary>When all was read last; null: it is to be read.</summary>
    private TimeSpan? _listed;

    /// <summary>Which trust domains have bundles, and when that was asked last.</summary>
    private ImmutableHashSet<string> _bundles = ImmutableHashSet.Create<string>(StringComparer.Ordinal);
    private TimeSpan? _asked;

    private readonly Dictionary<EntryTroubleKind, string> _saidTroubles = [];
    private readonly HashSet<string> _saidOthers = new(StringComparer.Ordinal);
    private string _saidMissing = "";
    private string? _saidFailure;
    private int _failures;
    private TimeSpan _retryAt;
    private (int Created, int Updated, int Deleted) _done;
    private bool _isUnfinished;

    public EntryTerm(SpireServer server, IEntrySource source, SpireEntryOptions options, EntryMetrics metrics, TimeProvider time, ILogger logger)
    {
        (_server, _source, _options, _metrics, _time, _logger, _begun) = (server, source, options, metrics, time, logger, time.GetTimestamp());
        _planner = new(options);
        _refusals = new(options);
        _deletions = new(options, logger);
    }

    /// <summary>How entries were after the last pass.</summary>
    public EntryStatus Status { get; private set; } = new(0, 0, 0, 0, IsDone: false);

    private TimeSpan Now => _time.GetElapsedTime(_begun);

    /// <summary>Brings the server's entries to what they should be, as far as it goes now.</summary>
    /// <returns>When to come back if nothing changes before; infinite: not at all.</returns>
    /// <exception cref="OperationCanceledException">It was cancelled; nothing else is thrown.</exception>
    public async Task<TimeSpan> PassAsync(CancellationToken cancellationToken)
    {
        if (_retryAt - Now is var left && left > TimeSpan.Zero) return left;
        _done = default;
        _isUnfinished = false;
        try
        {
            TimeSpan pause = await StepAsync(cancellationToken);
            if (_saidFailure is not null) EntryLog.KeptAgain(_logger);
            (_failures, _saidFailure) = (0, null);
            return pause;
        }
        catch (AuthorityException e)
        {
            return Fail(KindOf(e.Reason), e.Message);
        }
        catch (SpireAnswerException e)
        {
            return Fail(EntryTroubleKind.Answer, e.Message);
        }
        catch (Exception e) when (e is not OutOfMemoryException && !(e is OperationCanceledException && cancellationToken.IsCancellationRequested))
        {
            EntryLog.Fault(_logger, e);
            return Fail(EntryTroubleKind.Fault, $"{e.GetType().Name}: {e.Message}");
        }
        finally
        {
            if (_done != default) EntryLog.Changed(_logger, _done.Created, _done.Updated, _done.Deleted, Status.Wanted, Status.Others, _own.Count);
        }
    }

    private async Task<TimeSpan> StepAsync(CancellationToken cancellationToken)
    {
        // A world that nobody has read says nothing of what is to go.
        if (_source.Read() is not { } world) return Timeout.InfiniteTimeSpan;
        bool isResync = _listed is not { } listed || listed + _options.ResyncInterval <= Now;
        if (isResync || NextAsking() <= Now) await AskForBundlesAsync(cancellationToken);
        EntryPlan plan = _planner.Plan(world, _bundles);
        if (isResync) await ListAsync(plan, cancellationToken);
        foreach (string id in _others.Keys.Where(id => !plan.Entries.ContainsKey(id)).ToImmutableArray()) _others.Remove(id);

        // Somebody has made something else of them.
        await DeleteAsync([.. plan.Entries.Values.Where(e => _own.TryGetValue(e.Id, out SpireEntry? own) && !own.IsSimilarTo(e)).Select(e => e.Id)], cancellationToken);
        await CreateAsync(plan, cancellationToken);
        await UpdateAsync(plan, cancellationToken);

        // At the end: a pod keeps its identity until what takes the place of its entry is there.
        HashSet<string> missing = [.. plan.Entries.Values.Where(e => !_own.ContainsKey(e.Id) && !_others.ContainsKey(e.Id)).Select(e => e.Identity)];
        await DeleteAsync(_deletions.Due(_own, plan, missing.Contains, Now), cancellationToken);
        _refusals.Keep(id => IsOpen(id, plan));
        Tell(plan);
        return NextPause();
    }

    private async Task AskForBundlesAsync(CancellationToken cancellationToken)
    {
        ImmutableHashSet<string>.Builder there = ImmutableHashSet.CreateBuilder<string>(StringComparer.Ordinal);
        foreach (string trustDomain in _options.FederatesWith)
        {
            if (await _server.HasBundleAsync(trustDomain, cancellationToken)) there.Add(trustDomain);
        }
        (_bundles, _asked) = (there.ToImmutable(), Now);
        string missing = string.Join(", ", _options.FederatesWith.Except(_bundles, StringComparer.Ordinal));
        if (missing.Length > 0 && missing != _saidMissing) EntryLog.BundleMissing(_logger, missing, _options.BundleInterval.TotalSeconds);
        _saidMissing = missing;
    }

    private TimeSpan NextAsking()
    {
        if (_options.FederatesWith.Count == 0) return TimeSpan.MaxValue;
        if (_asked is not { } asked) return TimeSpan.Zero;
        return _saidMissing.Length == 0 ? TimeSpan.MaxValue : asked + _options.BundleInterval;
    }

    private async Task ListAsync(EntryPlan plan, CancellationToken cancellationToken)
    {
        Dictionary<string, SpireEntry> own = new(StringComparer.Ordinal);
        Dictionary<string, string> others = new(StringComparer.Ordinal);
        int size = _options.PageSize;
        string token = "";
        while (true)
        {
            ListEntriesResponse page;
            try
            {
                page = await _server.ListEntriesAsync(token, size, cancellationToken);
            }
            catch (AuthorityException e) when (e.Reason == AuthorityFailure.Overloaded && size > 1)
            {
                // Entries of others may be long, and a page longer than what a message may have.
                size = Math.Max(1, size / 8);
                continue;
            }
            foreach (Entry told in page.Entries)
            {
                SpireEntry entry = EntryWire.FromWire(told);
                if (entry.Id.StartsWith(_options.Prefix, StringComparison.Ordinal)) own[entry.Id] = entry;
                else if (plan.Entries.TryGetValue(_planner.IdOf(entry), out SpireEntry? wanted) && wanted.IsSimilarTo(entry)) others[wanted.Id] = entry.Id;
            }
            if (page.NextPageToken.Length == 0) break;
            if (page.NextPageToken == token) throw new SpireAnswerException($"The SPIRE server at {_server.Place} answered ListEntries with the token '{token}' for the page after that of the same token.");
            token = page.NextPageToken;
        }
        (_own, _others, _listed) = (own, others, Now);
        _metrics.Resynced(_time.GetUtcNow());
    }

    private async Task CreateAsync(EntryPlan plan, CancellationToken cancellationToken)
    {
        foreach (SpireEntry[] batch in Batches(plan.Entries.Values.Where(e => !_own.ContainsKey(e.Id) && !_others.ContainsKey(e.Id))))
        {
            BatchCreateEntryResponse response = await _server.CreateEntriesAsync(batch, cancellationToken);
            RequireOneForEach("BatchCreateEntry", batch.Length, response.Results.Count);
            for (int i = 0; i < batch.Length; i++) TakeCreated(batch[i], response.Results[i].Status ?? new(), response.Results[i].Entry is { } told ? EntryWire.FromWire(told) : null);
        }
    }

    private void TakeCreated(SpireEntry wanted, ItemStatus status, SpireEntry? told)
    {
        switch (status.Code)
        {
            case Ok:
                RequireId("BatchCreateEntry", wanted.Id, told?.Id);
                _own[wanted.Id] = wanted;
                _refusals.Remove(wanted.Id);
                _metrics.Created();
                _done.Created++;
                return;
            case AlreadyExists when told is { Id.Length: > 0 }:
                if (!told.IsSimilarTo(wanted)) throw new SpireAnswerException($"The SPIRE server at {_server.Place} answered that {wanted} is there as {told.Id}, which is {told}.");
                _refusals.Remove(wanted.Id);
                if (told.Id == wanted.Id) _own[told.Id] = told;
                else _others[wanted.Id] = told.Id;
                _isUnfinished |= told.Id == wanted.Id;
                return;
            case AlreadyExists:
                // One by this ID is there, and it is not known here.
                _listed = null;
                break;
            case Internal when IsBundleMissing(status):
                _asked = null;
                break;
        }
        Refuse(wanted, status);
    }

    private async Task UpdateAsync(EntryPlan plan, CancellationToken cancellationToken)
    {
        foreach (SpireEntry[] batch in Batches(plan.Entries.Values.Where(e => _own.TryGetValue(e.Id, out SpireEntry? own) && own != e && own.IsSimilarTo(e))))
        {
            BatchUpdateEntryResponse response = await _server.UpdateEntriesAsync(batch, cancellationToken);
            RequireOneForEach("BatchUpdateEntry", batch.Length, response.Results.Count);
            for (int i = 0; i < batch.Length; i++)
            {
                ItemStatus status = response.Results[i].Status ?? new();
                if (status.Code == Ok)
                {
                    RequireId("BatchUpdateEntry", batch[i].Id, response.Results[i].Entry?.Id);
                    _own[batch[i].Id] = batch[i];
                    _refusals.Remove(batch[i].Id);
                    _metrics.Updated();
                    _done.Updated++;
                }
                else if (status.Code == NotFound)
                {
                    // Somebody has deleted it.
                    _own.Remove(batch[i].Id);
                    _isUnfinished = true;
                }
                else
                {
                    if (IsBundleMissing(status)) _asked = null;
                    Refuse(batch[i], status);
                }
            }
        }
    }

    private async Task DeleteAsync(ImmutableArray<string> ids, CancellationToken cancellationToken)
    {
        foreach (string[] batch in ids.Where(id => _refusals.MayTry(_own[id], Now)).ToImmutableArray().Chunk(_options.MostOfABatch))
        {
            BatchDeleteEntryResponse response = await _server.DeleteEntriesAsync(batch, cancellationToken);
            RequireOneForEach("BatchDeleteEntry", batch.Length, response.Results.Count);
            for (int i = 0; i < batch.Length; i++)
            {
                ItemStatus status = response.Results[i].Status ?? new();
                if (status.Code is Ok or NotFound)
                {
                    RequireId("BatchDeleteEntry", batch[i], response.Results[i].Id);
                    _own.Remove(batch[i]);
                    _refusals.Remove(batch[i]);
                    if (status.Code == NotFound) continue;
                    _metrics.Deleted();
                    _done.Deleted++;
                }
                else
                {
                    Refuse(_own[batch[i]], status);
                }
            }
        }
    }

    // Whether something is still to be done with an entry.
    private bool IsOpen(string id, EntryPlan plan)
    {
        SpireEntry? own = _own.GetValueOrDefault(id);
        return plan.Entries.TryGetValue(id, out SpireEntry? wanted) ? own != wanted && !_others.ContainsKey(id) : own is not null;
    }

    // Those that may be tried now, in an order that is always the same, in calls of a size that a server takes.
    private IEnumerable<SpireEntry[]> Batches(IEnumerable<SpireEntry> entries)
    {
        List<SpireEntry> batch = [];
        int bytes = 0;
        foreach (SpireEntry entry in entries.Where(e => _refusals.MayTry(e, Now)).OrderBy(e => e.Id, StringComparer.Ordinal).ToImmutableArray())
        {
            int size = EntryWire.ToWire(entry).CalculateSize();
            if (batch.Count == _options.MostOfABatch || (batch.Count > 0 && bytes + size > _options.LargestBatch))
            {
                yield return [.. batch];
                batch.Clear();
                bytes = 0;
            }
            batch.Add(entry);
            bytes += size;
        }
        if (batch.Count > 0) yield return [.. batch];
    }

    private void RequireOneForEach(string method, int asked, int answered)
    {
        if (asked != answered) throw new SpireAnswerException($"The SPIRE server at {_server.Place} answered {method} of {asked} entries with {answered} results.");
    }

    private void RequireId(string method, string asked, string? answered)
    {
        if (asked != answered) throw new SpireAnswerException($"The SPIRE server at {_server.Place} answered {method} of the entry {asked} with the result of '{answered}'.");
    }

    private void Refuse(SpireEntry entry, ItemStatus status)
    {
        EntryTroubleKind kind = status.Code switch
        {
            InvalidArgument => EntryTroubleKind.Invalid,
            AlreadyExists => EntryTroubleKind.Exists,
            PermissionDenied => EntryTroubleKind.Denied,
            _ when IsBundleMissing(status) => EntryTroubleKind.Bundle,
            _ => EntryTroubleKind.Refused,
        };
        _refusals.Add(entry, kind, $"code {status.Code}, {status.Message}", Now);
        _metrics.Failed(kind);
    }

    private TimeSpan Fail(EntryTroubleKind kind, string message)
    {
        // Nobody knows what was done.
        _listed = null;
        _failures++;
        TimeSpan pause = _options.Pause(_failures);
        _retryAt = Now + pause;
        if (_saidFailure != message) EntryLog.NotKept(_logger, pause.TotalSeconds, kind, message);
        _saidFailure = message;
        _metrics.Failed(kind);
        Status = Status with { Own = _own.Count, IsDone = false };
        return pause;
    }

    private void Tell(EntryPlan plan)
    {
        ImmutableArray<EntryTrouble> troubles = [.. plan.Troubles, .. _refusals.Troubles];
        foreach (EntryTrouble trouble in troubles)
        {
            if (!_saidTroubles.TryGetValue(trouble.Kind, out string? said) || said != trouble.Example) EntryLog.Refused(_logger, trouble.Count, trouble.Kind, trouble.Example, trouble.Remedy);
            _saidTroubles[trouble.Kind] = trouble.Example;
        }
        foreach (EntryTroubleKind mended in _saidTroubles.Keys.Except(troubles.Select(t => t.Kind)).ToImmutableArray())
        {
            _saidTroubles.Remove(mended);
            EntryLog.Mended(_logger, mended);
        }
        KeyValuePair<string, string>[] others = [.. _others.Where(o => _saidOthers.Add(o.Key))];
        if (others.Length > 0) EntryLog.OfOthers(_logger, others.Length, plan.Entries[others[0].Key].ToString(), others[0].Value);
        Status = new(plan.Entries.Count, _own.Count, _others.Count, troubles.Sum(t => t.Count), IsDone: true);
        _metrics.Are(Status);
    }

    private TimeSpan NextPause()
    {
        if (_isUnfinished || _listed is not { } listed) return _options.FirstRetry;
        TimeSpan next = listed + _options.ResyncInterval;
        foreach (TimeSpan other in (TimeSpan[])[_refusals.Next ?? next, _deletions.Next ?? next, NextAsking()]) next = other < next ? other : next;
        TimeSpan pause = next - Now;
        return pause > _options.FirstRetry ? pause : _options.FirstRetry;
    }

    private static bool IsBundleMissing(ItemStatus status) => status.Message.Contains("federated bundle", StringComparison.Ordinal);

    private static EntryTroubleKind KindOf(AuthorityFailure failure) => failure switch
    {
        AuthorityFailure.InvalidRequest => EntryTroubleKind.Invalid,
        AuthorityFailure.NotPermitted or AuthorityFailure.Misconfigured => EntryTroubleKind.Denied,
        AuthorityFailure.Overloaded => EntryTroubleKind.Overloaded,
        _ => EntryTroubleKind.Unavailable,
    };
}
