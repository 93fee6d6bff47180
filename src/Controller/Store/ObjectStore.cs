using System.Collections.Immutable;
using Culvert.Controller.Objects;
using Culvert.Controller.Schema;
using Culvert.Controller.Sources;
using Culvert.Controller.Statuses;
using Culvert.Core;
using Microsoft.Extensions.Logging;

namespace Culvert.Controller.Store;

/// <summary>
/// Holds what a source tells, batch by batch, and the objects that are in force by it, which an <see cref="ObjectResolver"/> decides; tells everybody of changes. Safe for any number of threads.
/// </summary>
/// <remarks>
/// An object that is not valid keeps its last good version. A declaration that does not even tell which object it is, and a place that can't
/// be read, keep all objects that came from the place and are not found elsewhere, and all whose file is gone: nobody can tell whether they were meant to go. So does a file that holds nothing keep what came from it.
/// A MeshConfig never goes (<see cref="MeshConfigKeeper"/>). Nothing comes into force before the source has told all it holds.
/// </remarks>
internal sealed class ObjectStore : IObjectSink
{
    private readonly string _source;
    private readonly ILogger _logger;
    private readonly ILastGoodStore? _lastGood;
    private readonly bool _hasTenants;
    private readonly Lock _lock = new();

    /// <summary>What the source has told so far.</summary>
    private DeclarationTable _declarations = new();

    /// <summary>Decides what is in force.</summary>
    private ObjectResolver _resolver;

    /// <summary>The warnings about what is in force.</summary>
    private WarningIndex _warnings = new();

    /// <summary>Whether all that the source has told was decided about; from then on only what changes is.</summary>
    private bool _isDecided;

    /// <summary>Whether somebody who listens may not have heard of what is in force: the next set is published though nothing may have changed.</summary>
    private bool _publishFailed;

    private readonly StatusTracker _status;

    /// <summary>Declarations that have changed and whose status was not reported since.</summary>
    private readonly HashSet<DeclarationKey> _touched = [];

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
    /// <param name="hasTenants">Whether who may write objects of one namespace is not thereby trusted with addresses and nodes, as in a cluster: Workloads count only of the namespaces that the MeshConfig names.</param>
    public ObjectStore(string source, IStatusSink status, ILogger logger, ObjectSet previous, ILastGoodStore? lastGood = null, bool hasTenants = false)
    {
        (_source, _logger, _lastGood, _current, _hasTenants) = (source, logger, lastGood, previous, hasTenants);
        _status = new(status);
        _resolver = new(_declarations, previous, hasTenants);
    }

    /// <summary>Raised after <see cref="Current"/> has changed, one call at a time, on any thread. Must not call the store.</summary>
    public event Action<ObjectSetChange>? Changed;

    /// <summary>The nodes that have joined ever, for warnings; null: not known. Asked with each batch and each upkeep, from any thread.</summary>
    public Func<ImmutableHashSet<string>>? KnownNodes { get; init; }

    /// <summary>The trust domains that the mesh is federated with, for warnings; null: none. Asked as <see cref="KnownNodes"/> is.</summary>
    public Func<ImmutableHashSet<string>>? FederatedTrustDomains { get; init; }

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

    /// <summary>Does again what has failed, and looks which nodes have joined, and with whom the mesh is federated. To be called from time to time.</summary>
    public void Upkeep()
    {
        lock (_lock)
        {
            _lastGood?.SaveAgain();
            ImmutableHashSet<string> nodes = FindNodes();
            if (!_isDecided || (!_warnings.Federate(FederatedTrustDomains?.Invoke() ?? [], _current) && nodes.SetEquals(_nodes))) return;
            _nodes = nodes;
            try
            {
                ObjectSet next = Warn(_current);
                _status.Report(_declarations, [], [], next, _resolver.ErrorOf);
                Publish(next, []);
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
        if (!_current.IsRead && !batch.IsSynced)
        {
            Publish(_current with { Errors = SourceError.InOrder(batch.Troubles) }, []);
            return;
        }

        // What has changed before all was told is in the table, and nothing of it was looked at yet.
        IEnumerable<ObjectKey> dirty = _isDecided
            ? objects.Concat(places.SelectMany(_resolver.InForceFrom))
            : _declarations.Objects.Concat(_current.Objects.Keys);
        (ObjectSet next, List<ObjectKey> keys, HashSet<ObjectKey> decided) = _resolver.Resolve([.. dirty], _current);
        _warnings.Update(_isDecided ? _current : ObjectSet.Empty, next, _isDecided ? keys : [.. next.Objects.Keys]);
        _warnings.Federate(FederatedTrustDomains?.Invoke() ?? [], next);
        _nodes = FindNodes();
        next = Warn(next);
        _status.Report(_declarations, _isDecided ? _touched : null, decided, next, _resolver.ErrorOf);
        _touched.Clear();
        _isDecided = true;
        if (!batch.Troubles.IsEmpty) next = next with { Errors = SourceError.InOrder(next.Errors.Concat(batch.Troubles)) };
        Publish(next, keys);
    }

    /// <summary>Back to what is in force and nothing else.</summary>
    private void Forget()
    {
        (_declarations, _warnings, _isDecided) = (new(), new(), false);
        _resolver = new(_declarations, _current, _hasTenants);
        _touched.Clear();
    }

    private ObjectSet Warn(ObjectSet objects) => objects with { Warnings = SourceError.InOrder(_warnings.All(objects, _nodes)) };

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
        if (!_publishFailed && next.Objects == before.Objects && next.IsRead == before.IsRead && next.Mesh == before.Mesh && next.Errors.SequenceEqual(before.Errors) && next.Undeclared.SetEquals(before.Undeclared) && next.Warnings.SequenceEqual(before.Warnings)) return;
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
            switch (next.Instead(error))
            {
                case InForceInstead.LastGood: StoreLog.BadVersion(_logger, error); break;
                case InForceInstead.Part: StoreLog.BadPart(_logger, error); break;
                default: StoreLog.BadObject(_logger, error); break;
            }
        }
        foreach (SourceError mended in errors.Mended) StoreLog.Mended(_logger, mended);
        foreach (SourceError warning in warnings.New) StoreLog.DoubtfulObject(_logger, warning);
        foreach (SourceError gone in warnings.Gone) StoreLog.NoLongerDoubtful(_logger, gone);
        if (next.IsRead && next.Mesh.State == MeshConfigState.NeverGiven && (!before.IsRead || before.Mesh.State != MeshConfigState.NeverGiven)) StoreLog.NoMeshConfig(_logger, _source, next.Mesh.Settings.TrustDomain);
    }
}
