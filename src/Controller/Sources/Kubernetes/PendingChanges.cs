using System.Collections.Immutable;

namespace Culvert.Controller.Sources.Kubernetes;

/// <summary>Changes that go into the next batch: of each declaration the last. Not thread-safe.</summary>
internal sealed class PendingChanges
{
    private readonly Dictionary<DeclarationKey, ObjectChange> _changes = [];

    public int Count => _changes.Count;

    public void Declare(Declaration declaration) => _changes[declaration.Key] = ObjectChange.Declared(declaration);

    public void Remove(DeclarationKey key) => _changes[key] = ObjectChange.Removed(key);

    /// <summary>Takes them all.</summary>
    public ImmutableArray<ObjectChange> Take()
    {
        ImmutableArray<ObjectChange> taken = [.. _changes.Values];
        _changes.Clear();
        return taken;
    }
}
