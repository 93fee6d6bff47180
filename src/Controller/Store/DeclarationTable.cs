using Culvert.Controller.Objects;
using Culvert.Controller.Schema;
using Culvert.Controller.Sources;

namespace Culvert.Controller.Store;

/// <summary>Everything that the source has told, good or wrong, and by what it is asked for. Not thread-safe.</summary>
internal sealed class DeclarationTable
{
    private readonly Dictionary<DeclarationKey, Declaration> _all = [];
    private readonly Dictionary<ObjectKey, Dictionary<DeclarationKey, Declaration>> _byObject = [];
    private readonly Dictionary<string, int> _byPlace = new(StringComparer.Ordinal);

    /// <summary>Places with declarations that don't tell which object they are.</summary>
    private readonly Dictionary<string, int> _unclear = new(StringComparer.Ordinal);

    /// <summary>Kinds that what can't be read says it is; empty where it says none.</summary>
    private readonly Dictionary<string, int> _unreadKinds = new(StringComparer.Ordinal);
    private readonly HashSet<string> _hollow = new(StringComparer.Ordinal);
    private readonly Dictionary<DeclarationKey, Declaration> _faulty = [];
    private readonly Dictionary<DeclarationKey, Declaration> _meshConfigs = [];

    /// <summary>The objects that something is declared of.</summary>
    public IReadOnlyCollection<ObjectKey> Objects => _byObject.Keys;

    /// <summary>All that is wrong with declarations themselves, by place and line.</summary>
    public IEnumerable<Declaration> Faulty => InOrder(_faulty.Values);

    /// <summary>Declarations that say that they are a MeshConfig.</summary>
    public IEnumerable<ReadObject> MeshConfigs => InOrder(_meshConfigs.Values).Select(d => d.Content);

    /// <summary>The first errors of what can't be read, or does not tell what it is.</summary>
    public IReadOnlyList<SourceError> Unreadable => [.. Faulty.Where(d => d.Key.Object is null && d.Content.Kind.Length == 0).Select(d => d.Content.Errors[0])];

    /// <summary>Whether something is declared by a key.</summary>
    public bool Contains(DeclarationKey key) => _all.TryGetValue(key, out Declaration? declaration) && !declaration.IsHollow;

    /// <summary>Whether a place, or a folder that it is in (<c>a/</c> of <c>a/b.yaml</c>), holds something that does not tell which object it is: nobody can tell then what is meant to be gone.</summary>
    public bool IsUnclear(string place)
    {
        if (_unclear.Count == 0) return false;
        if (_unclear.ContainsKey(place)) return true;
        for (int slash = place.IndexOf('/', StringComparison.Ordinal); slash >= 0; slash = place.IndexOf('/', slash + 1))
        {
            if (_unclear.ContainsKey(place[..(slash + 1)])) return true;
        }
        return false;
    }

    /// <summary>Whether anything is declared at a place.</summary>
    public bool IsThere(string place) => _byPlace.ContainsKey(place);

    /// <summary>Whether a place is there and declares nothing (<see cref="Declaration.IsHollow"/>).</summary>
    public bool IsHollow(string place) => _hollow.Contains(place);

    /// <summary>Whether something can't be read, anywhere, that may be an object of a kind. What begins as a MeshConfig may go on as anything: where one document ends is what can't be told.</summary>
    public bool MayBeUnread(ObjectKind kind) =>
        _unreadKinds.Count > 0 && (_unreadKinds.ContainsKey("") || _unreadKinds.ContainsKey(nameof(ObjectKind.MeshConfig)) || _unreadKinds.ContainsKey(kind.ToString()));

    /// <summary>The declarations of an object, by place and line; more than one when it is declared twice.</summary>
    public IReadOnlyList<Declaration> Of(ObjectKey key) => _byObject.TryGetValue(key, out var own) ? [.. InOrder(own.Values)] : [];

    /// <summary>Takes a batch up.</summary>
    /// <param name="batch">The batch.</param>
    /// <param name="touched">Gets the declarations that have changed.</param>
    /// <param name="objects">Gets the objects whose declarations have changed.</param>
    /// <param name="places">Gets the places that have become clear or unclear.</param>
    public void Apply(ObjectBatch batch, HashSet<DeclarationKey> touched, HashSet<ObjectKey> objects, HashSet<string> places)
    {
        if (batch.Replaces is not null)
        {
            HashSet<DeclarationKey> told = [.. batch.Changes.Where(c => c.Declaration is not null).Select(c => c.Key)];
            foreach (DeclarationKey key in _all.Keys.Where(k => batch.HoldsAllOf(k.Place) && !told.Contains(k)).ToArray())
            {
                touched.Add(key);
                Remove(key, objects, places);
            }
        }
        foreach (ObjectChange change in batch.Changes)
        {
            touched.Add(change.Key);
            if (change.Declaration is not { } declaration) Remove(change.Key, objects, places);
            else if (!_all.TryGetValue(change.Key, out Declaration? known) || !known.IsSame(declaration))
            {
                Remove(change.Key, objects, places);
                Add(declaration, objects, places);
            }
        }
    }

    private void Add(Declaration declaration, HashSet<ObjectKey> objects, HashSet<string> places)
    {
        DeclarationKey key = declaration.Key;
        _all.Add(key, declaration);
        Count(_byPlace, key.Place);
        if (declaration.Content.Errors.Count > 0) _faulty.Add(key, declaration);
        if (declaration.Content.Kind == nameof(ObjectKind.MeshConfig)) _meshConfigs.Add(key, declaration);
        if (key.Object is { } known)
        {
            objects.Add(known);
            if (!_byObject.TryGetValue(known, out var own)) _byObject.Add(known, own = []);
            own.Add(key, declaration);
            return;
        }
        Count(_unclear, key.Place);
        if (declaration.IsHollow) _hollow.Add(key.Place);
        else Count(_unreadKinds, declaration.Content.Kind);
        places.Add(key.Place);
    }

    private void Remove(DeclarationKey key, HashSet<ObjectKey> objects, HashSet<string> places)
    {
        if (!_all.Remove(key, out Declaration? declaration)) return;
        Discount(_byPlace, key.Place);
        _faulty.Remove(key);
        _meshConfigs.Remove(key);
        if (key.Object is { } known)
        {
            objects.Add(known);
            Dictionary<DeclarationKey, Declaration> own = _byObject[known];
            own.Remove(key);
            if (own.Count == 0) _byObject.Remove(known);
            return;
        }
        Discount(_unclear, key.Place);
        if (declaration.IsHollow) _hollow.Remove(key.Place);
        else Discount(_unreadKinds, declaration.Content.Kind);
        places.Add(key.Place);
    }

    private static void Count(Dictionary<string, int> counts, string what) => counts[what] = counts.GetValueOrDefault(what) + 1;

    private static void Discount(Dictionary<string, int> counts, string what)
    {
        if (--counts[what] == 0) counts.Remove(what);
    }

    private static IEnumerable<Declaration> InOrder(IEnumerable<Declaration> declarations) =>
        declarations.OrderBy(d => d.Key.Place, StringComparer.Ordinal).ThenBy(d => d.Origin.Line).ThenBy(d => d.Key.Ordinal);
}
