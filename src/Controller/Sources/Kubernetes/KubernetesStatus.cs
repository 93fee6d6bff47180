using System.Collections.Concurrent;
using Culvert.Controller.Objects;
using Culvert.Controller.Progress;
using Culvert.Controller.Statuses;
using Culvert.Kubernetes.Client;
using Culvert.Kubernetes.Errors;
using Culvert.Kubernetes.Leadership;
using Culvert.Kubernetes.Metrics;
using Culvert.Kubernetes.Resources;
using Culvert.Kubernetes.WorkQueue;
using Microsoft.Extensions.Logging;

namespace Culvert.Controller.Sources.Kubernetes;

/// <summary>
/// Writes what has become of objects into their status, where that does not say so already. Each controller works it out; the one that leads writes. Safe for any number of threads.
/// </summary>
internal sealed class KubernetesStatus : IStatusSink, ISeenObjects, IDisposable
{
    /// <summary>Who writes statuses, as the server's records of fields name it.</summary>
    public const string FieldManager = "culvert-controller";

    // In the queue in the place of an object: nodes have taken something up.
    private const string AllPending = "";

    // Nodes take up a change within a second, all at about the same time: what takes longer is said, and how far it is every now and then.
    private static readonly TimeSpan Gathering = TimeSpan.FromMilliseconds(200), UsualSpread = TimeSpan.FromSeconds(1), SpreadInterval = TimeSpan.FromSeconds(10);

    // In the queue in the place of an object: nodes have come or gone, on which all that is in force is. How many these are is told again every now and then, as each object's status is to be written for that.
    private const string AllSeen = "*";

    private static readonly TimeSpan CountInterval = TimeSpan.FromMinutes(5);

    private static readonly TimeSpan RetryDelay = TimeSpan.FromSeconds(10);

    // Somebody else has written; the watch tells what, and soon.
    private static readonly TimeSpan ConflictDelay = TimeSpan.FromSeconds(1);

    private readonly IKubernetesClient _client;
    private readonly LeaderElector _elector;
    private readonly LeaderDuties _duties;
    private readonly MeshProgress _progress;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly Lock _lock = new();
    private readonly Dictionary<string, SeenObject> _seen = new(StringComparer.Ordinal);
    private readonly Dictionary<string, (DeclarationKey Key, ObjectStatus Status)> _wanted = new(StringComparer.Ordinal);

    /// <summary>Objects that are not in force everywhere, since when that is known, and when it was written last. Changed by the one worker.</summary>
    private readonly ConcurrentDictionary<string, Wait> _pending = new(StringComparer.Ordinal);

    /// <summary>Why statuses of a kind can't be written at present, which is said once, and when that was tried last. Of the one worker.</summary>
    private readonly Dictionary<string, (ApiFailure Failure, long Time)> _failures = new(StringComparer.Ordinal);

    /// <summary>Places of objects whose status may have to be written. Nothing else is done by those who tell: a fault in working a status out must not keep objects from coming into force.</summary>
    private readonly WorkQueue<string> _queue;

    /// <param name="client">Writes, as fast as it may; one of its own, so that watches need not wait for it.</param>
    /// <param name="elector">Says when to.</param>
    /// <param name="duties">What is done meanwhile.</param>
    /// <param name="progress">Says where they are in force.</param>
    /// <param name="metrics">Where it is counted.</param>
    /// <param name="time">The clock.</param>
    /// <param name="logger">For what can't be written.</param>
    public KubernetesStatus(IKubernetesClient client, LeaderElector elector, LeaderDuties duties, MeshProgress progress, KubernetesMetrics metrics, TimeProvider time, ILogger<KubernetesStatus> logger)
    {
        (_client, _elector, _duties, _progress, _time, _logger) = (client, elector, duties, progress, time, logger);
        _queue = new("status", new(), metrics, time);
    }

    /// <summary>None: each object says it.</summary>
    public StatusSummary? Summary => null;

    /// <inheritdoc/>
    public void See(string place, SeenObject seen)
    {
        lock (_lock) _seen[place] = seen;
        _queue.Add(place);
    }

    /// <inheritdoc/>
    public void Forget(string place)
    {
        lock (_lock) _seen.Remove(place);
    }

    /// <inheritdoc/>
    public void Report(IReadOnlyCollection<StatusChange> changes)
    {
        foreach (StatusChange change in changes)
        {
            string place = change.Key.Place;
            lock (_lock)
            {
                if (change.Status is { } status) _wanted[place] = (change.Key, status);

                // Another declaration of the same place may have come before this one goes.
                else if (_wanted.TryGetValue(place, out var known) && known.Key == change.Key) _wanted.Remove(place);
            }
            _queue.Add(place);
        }
    }

    /// <summary>Stands for election, and writes and does the leader's duties while this one leads.</summary>
    public Task RunAsync(CancellationToken stop)
    {
        QueueWorkers<string> workers = new("status", _queue, WriteAsync, _logger);
        _progress.Changed += LookAgain;
        _progress.NodesChanged += CountAgain;
        return _elector.RunAsync(leading => Task.WhenAll(workers.RunAsync(1, leading), _duties.RunAsync(leading)), stop);
    }

    public void Dispose()
    {
        _progress.Changed -= LookAgain;
        _progress.NodesChanged -= CountAgain;
        _queue.Dispose();
    }

    private void CountAgain() => _queue.AddAfter(AllSeen, CountInterval);

    private void LookAgain()
    {
        if (!_pending.IsEmpty) _queue.AddAfter(AllPending, Gathering);
    }

    private (SeenObject? Object, ObjectStatus? Wanted) Find(string place)
    {
        lock (_lock) return (_seen.GetValueOrDefault(place), _wanted.TryGetValue(place, out var known) ? known.Status : null);
    }

    /// <summary>How long to wait before it is written where an object is in force; null: no longer.</summary>
    private TimeSpan? Pause(string place, ObjectStatus? wanted, Spread spread, SeenObject seen)
    {
        if (wanted?.State != ObjectState.Accepted || spread.IsWhole || StatusConditions.SayInForce(wanted, seen.Conditions))
        {
            _pending.TryRemove(place, out _);
            return null;
        }
        if (!_pending.TryGetValue(place, out Wait wait) || wait.Of != wanted.Origin) _pending[place] = wait = new(wanted.Origin, _time.GetTimestamp(), null);
        TimeSpan left = wait.Written is { } written ? SpreadInterval - _time.GetElapsedTime(written) : UsualSpread - _time.GetElapsedTime(wait.Since);
        if (left > TimeSpan.Zero) return left;
        _pending[place] = wait with { Written = _time.GetTimestamp() };
        return null;
    }

    private async Task<TimeSpan?> WriteAsync(string place, CancellationToken cancellationToken)
    {
        if (place is AllPending or AllSeen)
        {
            string[] places;
            lock (_lock) places = [.. place == AllPending ? _pending.Keys : _seen.Keys];
            foreach (string one in places) _queue.Add(one);
            return null;
        }
        (SeenObject? seen, ObjectStatus? wanted) = Find(place);
        if (seen is null)
        {
            _pending.TryRemove(place, out _);
            return null;
        }
        StatusWrite? write;
        if (seen.Route is { } route)
        {
            write = StatusWrite.OfRoute(route, wanted, _time.GetUtcNow());
        }
        else
        {
            Spread spread = _progress.Of(seen.Kind.Type.FullName, ApiVersions.Number((wanted?.Origin as ApiOrigin)?.ResourceVersion));
            if (Pause(place, wanted, spread, seen) is { } pause) return pause;
            write = StatusWrite.OfConditions(seen, wanted, spread, _time.GetUtcNow());
        }
        if (write is null) return null;
        ResourceType<ApiDocument> type = seen.Kind.Type;

        // Where a role is missing, one object of the kind finds out whether it still is, and all others do not take the time of other kinds.
        if (_failures.TryGetValue(type.FullName, out var known) && known.Failure == ApiFailure.Forbidden && RetryDelay - _time.GetElapsedTime(known.Time) is { } left && left > TimeSpan.Zero) return left;
        try
        {
            ApiDocument written = await write.SendAsync(_client.Resource(type), seen.Name, cancellationToken);

            _failures.Remove(type.FullName);

            // What the watch tells may be on its way still.
            lock (_lock)
            {
                if (_seen.TryGetValue(place, out SeenObject? now) && now == seen) _seen[place] = SeenObject.Of(seen.Kind, written);
            }
        }
        catch (ApiException e) when (e.Failure == ApiFailure.NotFound)
        {
            // It has gone; the watch tells.
        }
        catch (ApiException e) when (e.Failure == ApiFailure.Conflict)
        {
            return ConflictDelay;
        }
        catch (ApiException e)
        {
            if (!_failures.TryGetValue(type.FullName, out var before) || before.Failure != e.Failure) KubernetesLog.StatusNotWritten(_logger, type.FullName, seen.Name.ToString(), RetryDelay.TotalSeconds, RoleRemedy.Of(e), e.Message);
            _failures[type.FullName] = (e.Failure, _time.GetTimestamp());
            return e.RetryAfter > RetryDelay ? e.RetryAfter : RetryDelay;
        }
        return null;
    }

    /// <param name="Of">The version that is not in force everywhere.</param>
    /// <param name="Since">Since when that is known.</param>
    /// <param name="Written">When it was said last; null: not yet.</param>
    private readonly record struct Wait(ObjectOrigin Of, long Since, long? Written);
}
