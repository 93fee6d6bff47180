using System.Collections.Immutable;
using Culvert.Controller.Objects;
using Culvert.Controller.Schema;
using Culvert.Controller.Sources;

namespace Culvert.Controller.Store;

/// <summary>
/// Decides which declarations are in force: which of several of one object counts, what becomes of one that is wrong, and who has what two objects claim. What is looked at is what has changed, and
/// what that can conflict with. Not thread-safe.
/// </summary>
internal sealed class ObjectResolver
{
    private readonly DeclarationTable _declarations;

    /// <summary>Whether who may write objects of one namespace is not thereby trusted with addresses and nodes.</summary>
    private readonly bool _hasTenants;

    /// <summary>Which objects claim the same, as they are wanted or are in force.</summary>
    private readonly ClaimIndex _claims = new();

    /// <summary>Objects as they are meant to be, before conflicts are decided: the declaration that counts, or the last good version of one that is wrong.</summary>
    private readonly Dictionary<ObjectKey, MeshObject> _wanted = [];

    /// <summary>For each object that is declared several times the errors of those that don't count.</summary>
    private readonly Dictionary<ObjectKey, Dictionary<DeclarationKey, SourceError>> _duplicates = [];

    /// <summary>Why an object is not in force as it is wanted: what it claims is another's.</summary>
    private readonly Dictionary<ObjectKey, SourceError> _conflicts = [];

    /// <summary>Objects that nothing declares and that stay in force, as nobody can tell whether they are meant to go; with why.</summary>
    private readonly Dictionary<ObjectKey, SourceError> _held = [];

    /// <summary>Objects that nothing declares and that are wanted all the same.</summary>
    private ImmutableHashSet<ObjectKey> _undeclared = [];

    /// <summary>Objects declared several times of which another declaration may count now: the one in force counts, and that has changed since the choice.</summary>
    private readonly HashSet<ObjectKey> _unsettled = [];

    /// <summary>The objects in force that came from each place.</summary>
    private readonly Dictionary<string, HashSet<ObjectKey>> _byPlace = new(StringComparer.Ordinal);

    /// <param name="declarations">What the source tells.</param>
    /// <param name="inForce">What is in force, which nothing was decided about yet.</param>
    /// <param name="hasTenants">Whether Workloads count only of the namespaces that the MeshConfig names.</param>
    public ObjectResolver(DeclarationTable declarations, ObjectSet inForce, bool hasTenants)
    {
        (_declarations, _hasTenants) = (declarations, hasTenants);
        foreach (MeshObject last in inForce.Objects.Values) Place(last).Add(last.Key);
    }

    /// <summary>The objects in force that came from a place, or from below it where it is a folder (<c>a/</c>).</summary>
    public IEnumerable<ObjectKey> InForceFrom(string place) => place.EndsWith('/')
        ? _byPlace.Where(p => p.Key.StartsWith(place, StringComparison.Ordinal)).SelectMany(p => p.Value)
        : _byPlace.GetValueOrDefault(place) ?? [];

    /// <summary>Decides anew.</summary>
    /// <param name="dirty">The objects that have changed; all, in the first step.</param>
    /// <param name="previous">What the step before has put in force.</param>
    public Resolution Resolve(HashSet<ObjectKey> dirty, ObjectSet previous)
    {
        // A MeshConfig stays when it is gone, so that what is wanted has to be found out each time.
        dirty.Add(MeshConfigKeeper.Key);
        dirty.UnionWith(_held.Keys);
        dirty.UnionWith(_unsettled);
        _unsettled.Clear();
        foreach (ObjectKey key in dirty) Want(key, Choose(key, previous.Objects.GetValueOrDefault(key)));
        List<SourceError> meshErrors = [];
        (MeshConfigInForce mesh, MeshObject? meshObject) = MeshConfigKeeper.Keep(
            _wanted.GetValueOrDefault(MeshConfigKeeper.Key), _declarations.MeshConfigs, _declarations.Unreadable, previous, meshErrors);
        if (mesh == previous.Mesh) mesh = previous.Mesh;
        Want(MeshConfigKeeper.Key, meshObject);

        HashSet<ObjectKey> open = _claims.Closure(mesh.WorkloadNamespaces == previous.Mesh.WorkloadNamespaces ? dirty : dirty.Concat(_wanted.Values.OfType<WorkloadObject>().Where(w => !w.IsPod).Select(w => w.Key)));
        foreach (ObjectKey key in dirty) Claim(key, previous.Objects.GetValueOrDefault(key));
        open = _claims.Closure(open);
        foreach (ObjectKey key in open) _conflicts.Remove(key);
        ILookup<bool, MeshObject> candidates = open.Where(_wanted.ContainsKey).Select(k => _wanted[k]).ToLookup(c => MayBe(c, mesh));
        foreach (MeshObject refused in candidates[false]) _conflicts[refused.Key] = NotItsToDeclare(refused);
        Dictionary<ObjectKey, MeshObject> resolved = ObjectConflicts.Resolve(candidates[true], previous, IsLeft, _conflicts);
        foreach (ObjectKey key in open.Where(k => IsLeft(k) && !resolved.ContainsKey(k))) Release(key);

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
        IEnumerable<SourceError> errors = _declarations.Faulty.SelectMany(d => d.Content.Errors).Concat(_duplicates.Values.SelectMany(d => d.Values)).Concat(meshErrors).Concat(_conflicts.Values).Concat(_held.Values.OrderBy(e => e.Object, StringComparer.Ordinal));
        return new(previous with { Objects = changed.Count > 0 ? objects.ToImmutable() : previous.Objects, Undeclared = _undeclared, Mesh = mesh, IsRead = true, Errors = SourceError.InOrder(errors) }, changed, open);
    }

    /// <summary>Why a declaration does not count, though it may be good by itself; null where it does.</summary>
    public SourceError? ErrorOf(Declaration declaration)
    {
        if (declaration.Key.Object is not { } key) return null;
        SourceError? duplicate = _duplicates.GetValueOrDefault(key)?.GetValueOrDefault(declaration.Key);
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
        _held.Remove(key);
        _undeclared = _undeclared.Remove(key);
        IReadOnlyList<Declaration> declarations = _declarations.Of(key);
        if (declarations.Count == 0)
        {
            if (last is null || !MayBeMeant(last)) return null;
            _undeclared = _undeclared.Add(key);
            return last;
        }

        Declaration winner = declarations.FirstOrDefault(d => d.Key.Place == last?.Meta.Origin.Place) ?? declarations[0];
        if (declarations.Count > 1)
        {
            (string name, string reason) = (key.ToString(), $"is declared twice; the one at {winner.Origin} counts");
            _duplicates[key] = declarations.Where(d => !ReferenceEquals(d, winner)).ToDictionary(d => d.Key, d => new SourceError(d.Key.Place, d.Origin.Line, name, "", reason) { IsOfSecond = true });
        }
        if (winner.Content.Object is { } good) return good;

        // Without a NetworkPolicy, or a TrafficTarget, what it selects would be open: one that was never good is in force as far as it could be read, and the rest of it allows nothing.
        return last is not (null or { IsStricterReading: true }) ? last : winner.Content.Rejected is NetworkPolicyObject or TrafficTargetObject ? winner.Content.Rejected : null;
    }

    /// <summary>
    /// Whether an object that nothing declares may still be meant to be in force: its place can't be read, or holds nothing, as one that is being written; or its file is gone and it may be what
    /// can't be read elsewhere, as a file that was renamed and broken in one go. What is gone from a file that still reads, or from an API server, is meant to be gone; a MeshConfig stays by itself.
    /// </summary>
    private bool MayBeMeant(MeshObject last)
    {
        string place = last.Meta.Origin.Place;
        if (_declarations.IsHollow(place))
        {
            if (last.Kind == ObjectKind.MeshConfig) return false;
            _held[last.Key] = new(place, 0, "", "", "holds no object any more, as if it were being written; to delete what came from it, delete the file");
            return true;
        }
        if (_declarations.IsUnclear(place)) return true;
        if (last.Kind == ObjectKind.MeshConfig || last.Meta.Origin is not FileOrigin || _declarations.IsThere(place) || !_declarations.MayBeUnread(last.Kind)) return false;
        _held[last.Key] = new(place, last.Meta.Origin.Line, last.Key.ToString(), "", "is gone, and may be what can't be read elsewhere; it goes when all can be read");
        return true;
    }

    /// <summary>Whether all that speaks for an object is that something can't be read elsewhere.</summary>
    private bool IsLeft(ObjectKey key) => _held.TryGetValue(key, out SourceError? why) && !_declarations.IsThere(why.Place);

    /// <summary>Lets an object go whose claim a declared one has: it is that one by another name, or gone.</summary>
    private void Release(ObjectKey key)
    {
        _held.Remove(key);
        _conflicts.Remove(key);
        Want(key, null);
    }

    private bool MayBe(MeshObject candidate, MeshConfigInForce mesh) =>
        !_hasTenants || candidate is not WorkloadObject { IsPod: false } || candidate.Meta.Namespace == Names.RootNamespace || mesh.WorkloadNamespaces.Contains(candidate.Meta.Namespace);

    private static SourceError NotItsToDeclare(MeshObject workload) => new(workload.Meta.Origin.Place, workload.Meta.Origin.Line, workload.Key.ToString(), "metadata.namespace",
        $"Workloads of namespace '{workload.Meta.Namespace}' do not count: who writes one says which addresses, and which interface of a node, are its own; to trust who may write them there, name the namespace in spec.workloadNamespaces of the MeshConfig");

    private HashSet<ObjectKey> Place(MeshObject inForce)
    {
        string place = inForce.Meta.Origin.Place;
        if (!_byPlace.TryGetValue(place, out HashSet<ObjectKey>? keys)) _byPlace.Add(place, keys = []);
        return keys;
    }
}
