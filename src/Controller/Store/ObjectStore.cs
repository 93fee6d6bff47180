using System.Collections.Immutable;
using Culvert.Controller.Objects;
using Culvert.Controller.Sources;
using Culvert.Controller.Statuses;
using Microsoft.Extensions.Logging;

namespace Culvert.Controller.Store;

/// <summary>Decides which of the objects that a source tells are in force. Safe for any number of threads.</summary>
/// <remarks>
/// An object that is not valid keeps its last good version. A declaration that does not even tell which object it is, and a place that can't
/// be read, keep all objects that came from the place and are not found elsewhere: nobody can tell whether they were meant to go.
/// A MeshConfig never goes (<see cref="MeshConfigKeeper"/>). Nothing comes into force before the source has told all it holds. What is looked at is what has changed, and what that can conflict with.
/// </remarks>
internal sealed class ObjectStore : IObjectSink
{
    private readonly string _source;
    private readonly ILogger _logger;
    private readonly LastGoodStore? _lastGood;
    private readonly Lock _lock = new();

    /// <summary>What the source has told so far.</summary>
    private DeclarationTable _declarations = new();

    /// <summary>The warnings about what is in force.</summary>
    private WarningIndex _warnings = new();

    /// <summary>Whether all that the source has told was decided about; from then on only what changes is.</summary>
    private bool _isDecided;

    /// <summary>Whether somebody who listens may not have heard of what is in force: the next set is published though nothing may have changed.</summary>
    private bool _publishFailed;

    private readonly StatusTracker _status;

    /// <summary>Declarations that have changed and whose status was not reported since.</summary>
    private readonly HashSet<DeclarationKey> _touched = [];

    /// <summary>Which objects claim the same, as they are wanted or are in force.</summary>
    private ClaimIndex _claims = new();

    /// <summary>Objects as they are meant to be, before conflicts are decided: the declaration that counts, or the last good version of one that is wrong.</summary>
    private readonly Dictionary<ObjectKey, MeshObject> _wanted = [];

    /// <summary>For each object that is declared several times the errors of those that don't count.</summary>
    private readonly Dictionary<ObjectKey, SourceError[]> _duplicates = [];

    /// <summary>Why an object is not in force as it is wanted: what it claims is another's.</summary>
    private readonly Dictionary<ObjectKey, SourceError> _conflicts = [];

    /// <summary>Objects declared several times of which another declaration may count now: the one in force counts, and that has changed since the choice.</summary>
    private readonly HashSet<ObjectKey> _unsettled = [];

    /// <summary>The objects in force that came from each place.</summary>
    private readonly Dictionary<string, HashSet<ObjectKey>> _byPlace = new(StringComparer.Ordinal);

    /// <summary>The nodes that the warnings were found with.</summary>
    private ImmutableHashSet<string> _nodes = [];

    /// <summary>Whether it was logged that the nodes can't be read.</summary>
    private bool _nodesUnknown;

    private volatile ObjectSet _current;

    /// <param name="source">What the source is, for messages.</param>
    /// <param name="status">Where the status of each declaration goes.</param>
    /// <param name="logger">Where it is said what is wrong.</param>
    /// <param name="previous">What was in force before; a set that does not count as read.</param>
    /// <param name="lastGood">Keeps what is in force over a restart; null: nothing does.</param>
    public ObjectStore(string source, IStatusSink status, ILogger logger, ObjectSet previous, LastGoodStore? lastGood = null)
    {
        (_source, _logger, _lastGood, _current) = (source, logger, lastGood, previous);
        _status = new(status);
        foreach (MeshObject last in previous.Objects.Values) Place(last).Add(last.Key);
    }

    /// <summary>Raised after <see cref="Current"/> has changed, one call at a time, on any thread. Must not call the store.</summary>
    public event Action<ObjectSetChange>? Changed;

    /// <summary>The nodes that have joined ever, for warnings; null: not known. Asked with each batch and each upkeep, from any thread.</summary>
    public Func<ImmutableHashSet<string>>? KnownNodes { get; init; }

    /// <summary>The latest set; not <see cref="ObjectSet.IsRead"/> before the source has told all it holds.</summary>
    public ObjectSet Current => _current;

    /// <inheritdoc/>
    public void Apply(ObjectBatch batch)
    {
        lock (_lock)
        {
            if (batch.Failure is { } failure)
            {
                if (!batch.Changes.IsEmpty || batch.Replaces is not null) throw new ArgumentException("A source that can't be read has nothing to tell.", nameof(batch));

                // What is in force stays: a source that is gone for a moment must not empty the mesh.
                Publish(_current with { Errors = [failure] }, []);
                return;
            }
            try
            {
                Take(batch);
            }
            catch
            {
                // A bug: nobody knows what was taken up. The source tells everything anew, and everything is decided anew then.
                Forget();
                throw;
            }
        }
    }

    /// <summary>Does again what has failed, and looks which nodes have joined. To be called from time to time.</summary>
    public void Upkeep()
    {
        lock (_lock)
        {
            _lastGood?.SaveAgain();
            ImmutableHashSet<string> nodes = FindNodes();
            if (!_isDecided || nodes.SetEquals(_nodes)) return;
            _nodes = nodes;
            try
            {
                Publish(Warn(_current), []);
            }
            catch (Exception e) when (e is not OutOfMemoryException)
            {
                // On a timer nobody is there to catch a bug in what listens.
                StoreLog.UpkeepFailed(_logger, e);
            }
        }
    }

    private void Take(ObjectBatch batch)
    {
        HashSet<ObjectKey> objects = [];
        HashSet<string> places = new(StringComparer.Ordinal);
        _declarations.Apply(batch, _touched, objects, places);
        if (!_current.IsRead && !batch.IsSynced) return;

        // What has changed before all was told is in the table, and nothing of it was looked at yet.
        IEnumerable<ObjectKey> dirty = _isDecided
            ? objects.Concat(places.SelectMany(p => _byPlace.GetValueOrDefault(p) ?? []))
            : _declarations.Objects.Concat(_current.Objects.Keys);
        (ObjectSet next, List<ObjectKey> keys) = Evaluate([.. dirty]);
        _warnings.Update(_isDecided ? _current : ObjectSet.Empty, next, _isDecided ? keys : [.. next.Objects.Keys]);
        _nodes = FindNodes();
        _isDecided = true;
        Publish(Warn(next), keys);
    }

    /// <summary>Back to what is in force and nothing else.</summary>
    private void Forget()
    {
        (_declarations, _claims, _warnings, _isDecided) = (new(), new(), new(), false);
        _wanted.Clear();
        _duplicates.Clear();
        _conflicts.Clear();
        _unsettled.Clear();
        _touched.Clear();
        _byPlace.Clear();
        foreach (MeshObject last in _current.Objects.Values) Place(last).Add(last.Key);
    }

    private (ObjectSet Next, List<ObjectKey> Changed) Evaluate(HashSet<ObjectKey> dirty)
    {
        ObjectSet previous = _current;

        // A MeshConfig stays when it is gone, so that what is wanted has to be found out each time.
        dirty.Add(MeshConfigKeeper.Key);
        dirty.UnionWith(_unsettled);
        _unsettled.Clear();
        foreach (ObjectKey key in dirty) Want(key, Choose(key, previous.Objects.GetValueOrDefault(key)));
        List<SourceError> meshErrors = [];
        (MeshConfigInForce mesh, MeshObject? meshObject) = MeshConfigKeeper.Keep(
            _wanted.GetValueOrDefault(MeshConfigKeeper.Key), _declarations.MeshConfigs, _declarations.Unreadable, previous, meshErrors);
        if (mesh == previous.Mesh) mesh = previous.Mesh;
        Want(MeshConfigKeeper.Key, meshObject);

        HashSet<ObjectKey> open = _claims.Closure(dirty);
        foreach (ObjectKey key in dirty) Claim(key, previous.Objects.GetValueOrDefault(key));
        open = _claims.Closure(open);
        foreach (ObjectKey key in open) _conflicts.Remove(key);
        Dictionary<ObjectKey, MeshObject> resolved = ObjectConflicts.Resolve(open.Where(_wanted.ContainsKey).Select(k => _wanted[k]), previous, _conflicts);

        ImmutableDictionary<ObjectKey, MeshObject>.Builder objects = previous.Objects.ToBuilder();
        List<ObjectKey> changed = [];
        foreach (ObjectKey key in open)
        {
            MeshObject? now = resolved.GetValueOrDefault(key), before = previous.Objects.GetValueOrDefault(key);
            Claim(key, now);
            if (now == before) continue;
            changed.Add(key);
            if (_duplicates.ContainsKey(key)) _unsettled.Add(key);
            if (before is not null) Place(before).Remove(key);
            if (now is null) objects.Remove(key);
            else
            {
                objects[key] = now;
                Place(now).Add(key);
            }
        }
        IEnumerable<SourceError> errors = _declarations.Faulty.SelectMany(d => d.Content.Errors).Concat(_duplicates.Values.SelectMany(d => d)).Concat(meshErrors).Concat(_conflicts.Values);
        ObjectSet next = previous with { Objects = changed.Count > 0 ? objects.ToImmutable() : previous.Objects, Mesh = mesh, IsRead = true, Errors = InOrder(errors) };
        _status.Report(_declarations, _isDecided ? _touched : null, open, next, ErrorOf);
        _touched.Clear();
        return (next, changed);
    }

    /// <summary>Why a declaration does not count, though it may be good by itself.</summary>
    private SourceError? ErrorOf(Declaration declaration)
    {
        if (declaration.Key.Object is not { } key) return null;
        SourceError? duplicate = _duplicates.GetValueOrDefault(key)?.FirstOrDefault(d => d.File == declaration.Key.Place && d.Line == declaration.Origin.Line);
        return duplicate ?? _conflicts.GetValueOrDefault(key);
    }

    private void Want(ObjectKey key, MeshObject? wanted)
    {
        if (wanted is null) _wanted.Remove(key);
        else _wanted[key] = wanted;
    }

    private void Claim(ObjectKey key, MeshObject? inForce) =>
        _claims.Set(key, ObjectConflicts.Claims(_wanted.GetValueOrDefault(key)).Concat(ObjectConflicts.Claims(inForce)));

    /// <summary>Of several declarations of one object the one in the place that is in force counts, else the first. Null: the object is meant to be gone, or was never good.</summary>
    private MeshObject? Choose(ObjectKey key, MeshObject? last)
    {
        _duplicates.Remove(key);
        IReadOnlyList<Declaration> declarations = _declarations.Of(key);
        if (declarations.Count == 0) return last is not null && _declarations.IsUnclear(last.Meta.Origin.Place) ? last : null;
        Declaration winner = declarations.FirstOrDefault(d => d.Key.Place == last?.Meta.Origin.Place) ?? declarations[0];
        if (declarations.Count > 1)
            _duplicates[key] = [.. declarations.Where(d => d != winner).Select(d => new SourceError(d.Key.Place, d.Origin.Line, key.ToString(), "", $"is declared twice; the one at {winner.Origin} counts"))];
        return winner.Content.Object ?? last;
    }

    private HashSet<ObjectKey> Place(MeshObject inForce)
    {
        string place = inForce.Meta.Origin.Place;
        if (!_byPlace.TryGetValue(place, out HashSet<ObjectKey>? keys)) _byPlace.Add(place, keys = []);
        return keys;
    }

    private ObjectSet Warn(ObjectSet objects) => objects with { Warnings = InOrder(_warnings.All(objects, _nodes)) };

    private static ImmutableArray<SourceError> InOrder(IEnumerable<SourceError> errors) => [.. errors.OrderBy(e => e.File, StringComparer.Ordinal).ThenBy(e => e.Line).Distinct()];

    /// <summary>Only warnings depend on it: what can't be read now leaves them as they are.</summary>
    private ImmutableHashSet<string> FindNodes()
    {
        try
        {
            ImmutableHashSet<string> nodes = KnownNodes?.Invoke() ?? [];
            _nodesUnknown = false;
            return nodes;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            if (!_nodesUnknown) StoreLog.NodesUnknown(_logger, e.Message);
            _nodesUnknown = true;
            return _nodes;
        }
    }

    private void Publish(ObjectSet next, List<ObjectKey> keys)
    {
        ObjectSet before = _current;
        if (!_publishFailed && next.Objects == before.Objects && next.IsRead == before.IsRead && next.Mesh == before.Mesh && next.Errors.SequenceEqual(before.Errors) && next.Warnings.SequenceEqual(before.Warnings)) return;
        LogChanges(before, next);

        // While nobody can tell whether a MeshConfig was given, nothing is kept: what is kept would say at the next start that there was none.
        bool keep = next.IsRead && (!before.IsRead || next.Objects != before.Objects || next.Mesh != before.Mesh) && next.Mesh.State != MeshConfigState.Unclear;
        _current = next;
        _publishFailed = true;
        Changed?.Invoke(new(before, next, keys));
        _publishFailed = false;
        if (keep) _lastGood?.Save(next);
    }

    private void LogChanges(ObjectSet before, ObjectSet next)
    {
        SourceErrorChanges errors = SourceErrorChanges.Between(before.Errors, next.Errors), warnings = SourceErrorChanges.Between(before.Warnings, next.Warnings);
        foreach (SourceError error in errors.New)
        {
            if (next.HasLastGood(error)) StoreLog.BadVersion(_logger, error);
            else StoreLog.BadObject(_logger, error);
        }
        foreach (SourceError mended in errors.Gone) StoreLog.Mended(_logger, mended);
        foreach (SourceError warning in warnings.New) StoreLog.DoubtfulObject(_logger, warning);
        foreach (SourceError gone in warnings.Gone) StoreLog.NoLongerDoubtful(_logger, gone);
        if (next.IsRead && next.Mesh.State == MeshConfigState.NeverGiven && (!before.IsRead || before.Mesh.State != MeshConfigState.NeverGiven)) StoreLog.NoMeshConfig(_logger, _source, next.Mesh.Settings.TrustDomain);
    }
}
