using Culvert.Controller.Snapshots;
using Culvert.Controller.Store;

namespace Culvert.Controller.Identity.Spire.Entries;

/// <summary>What nodes are told.</summary>
internal sealed class PublishedWorld(SnapshotPublisher publisher, ObjectStore objects) : IEntrySource
{
    /// <inheritdoc/>
    public event Action? Changed
    {
        add => publisher.Changed += value;
        remove => publisher.Changed -= value;
    }

    /// <inheritdoc/>
    public EntryWorld? Read()
    {
        ResourceCatalog catalog = publisher.Current;
        return catalog.IsPublished ? new(catalog, objects.Current.Objects) : null;
    }
}
