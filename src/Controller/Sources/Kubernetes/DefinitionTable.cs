using Culvert.Kubernetes.Resources;
using k8s.Models;

namespace Culvert.Controller.Sources.Kubernetes;

/// <summary>The definitions of custom kinds: says which versions of kinds that a cluster need not have there are. Declares nothing itself. Not thread-safe.</summary>
internal sealed class DefinitionTable(IReadOnlyCollection<OptionalKindWatch> watches) : IKindTable<V1CustomResourceDefinition>
{
    private readonly HashSet<ResourceName> _names = [];

    public IReadOnlyCollection<ResourceName> Names => _names;

    public IEnumerable<Declaration> Declarations => [];

    public void Set(V1CustomResourceDefinition item)
    {
        _names.Add(item.Metadata.ResourceName);
        if (Find(item.Metadata.ResourceName) is not { } watch) return;

        // Before that the server has none of its versions, and it may never have them, as when another kind has its names.
        bool isServed = item.Status.Conditions.Any(c => c is { Type: "Established", Status: "True" });
        if (isServed || watch.IsThere) watch.Serve([.. item.Spec.Versions.Where(v => v.Served).Select(v => v.Name)]);
    }

    // It is there: what was known of it stays.
    public void SetUnreadable(UnreadableObject item)
    {
        _names.Add(item.Metadata.ResourceName);
        if (Find(item.Metadata.ResourceName) is { IsThere: false } watch) watch.Serve([]);
    }

    public void Remove(ResourceName name)
    {
        if (_names.Remove(name)) Find(name)?.TakeAway();
    }

    private OptionalKindWatch? Find(ResourceName name) => watches.FirstOrDefault(w => w.Kind.FullName == name.Name);
}
