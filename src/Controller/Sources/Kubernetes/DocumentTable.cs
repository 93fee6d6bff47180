using Culvert.Controller.Objects;
using Culvert.Controller.Schema;
using Culvert.Kubernetes.Resources;
using k8s.Models;

namespace Culvert.Controller.Sources.Kubernetes;

/// <summary>The objects of a kind that is read as a document. An update that changes nothing that counts is told nobody. Not thread-safe.</summary>
internal sealed class DocumentTable(ApiKind kind, PendingChanges changes, ISeenObjects statuses) : IKindTable<ApiDocument>
{
    private readonly Dictionary<ResourceName, (UInt128 Digest, Declaration? Declaration)> _items = [];

    public bool HasConditions => kind.Status == StatusForm.Conditions;

    public IReadOnlyCollection<ResourceName> Names => _items.Keys;

    public IEnumerable<Declaration> Declarations => _items.Values.Select(i => i.Declaration).OfType<Declaration>();

    public void Set(ApiDocument item)
    {
        ResourceName name = item.Metadata.ResourceName;
        if (!_items.TryGetValue(name, out var known) || known.Digest != item.Digest) Put(name, item.Digest, IsOfInterest(item) ? kind.Read(item, OriginOf(item.Metadata) with { Digest = item.Digest }) : null);
        if (kind.Status != StatusForm.None) statuses.See(PlaceOf(name), SeenObject.Of(kind, item));
    }

    public void SetUnreadable(UnreadableObject item)
    {
        ResourceName name = item.Metadata.ResourceName;
        ObjectKey key = new(kind.Kind, name.Namespace, name.Name);
        if (kind.Status == StatusForm.Conditions) statuses.See(PlaceOf(name), new(kind, name, []));
        Put(name, 0, new(key, null, OriginOf(item.Metadata), [new(PlaceOf(name), 0, key.ToString(), "", $"can't be read: {item.Reason}")]) { Kind = kind.Kind.ToString() });
    }

    public void Remove(ResourceName name)
    {
        if (!_items.Remove(name, out var known)) return;
        if (known.Declaration is { } gone) changes.Remove(gone.Key);
        if (kind.Status != StatusForm.None) statuses.Forget(PlaceOf(name));
    }

    private bool IsOfInterest(ApiDocument item) => kind.Kind switch
    {
        // Those without the label are of no Service, but of whoever has made them.
        ObjectKind.EndpointSlice => item.Metadata.Labels.ContainsKey(EndpointSliceObject.ServiceLabel),

        // Most routes of a cluster are for Gateways, and whoever serves these says what has become of them.
        _ => kind.Status != StatusForm.Parents || RouteParent.Of(item.Content).Count > 0,
    };

    private void Put(ResourceName name, UInt128 digest, ReadObject? read)
    {
        Declaration? before = _items.GetValueOrDefault(name).Declaration, now = read is null ? null : new(new(PlaceOf(name), read.Key), read);
        _items[name] = (digest, now);

        // Another key, where it could not even be made out what object it is.
        if (before is not null && before.Key != now?.Key) changes.Remove(before.Key);
        if (now is not null) changes.Declare(now);
    }

    private ApiOrigin OriginOf(V1ObjectMeta meta) => new(PlaceOf(meta.ResourceName), meta.ResourceVersion ?? "") { Generation = meta.Generation ?? 0, Created = meta.Created };

    private string PlaceOf(ResourceName name) => kind.Type.ObjectPath(name)[1..];
}
