using System.Net;
using Culvert.Controller.Objects;
using Culvert.Core;
using Culvert.Kubernetes.Resources;

namespace Culvert.Controller.Sources.Kubernetes;

/// <summary>
/// The pods, and which of them has an address. A node gives an address to the next pod before the API server says that the last one is gone: of two that have it the one that was started later
/// has it, and the other has lost it in the same batch, so that nobody sees the address at both, or the last pod's identity at the next one's. Not thread-safe.
/// </summary>
internal sealed class PodTable(PendingChanges changes) : IKindTable<Pod>
{
    private readonly Dictionary<ResourceName, Entry> _pods = [];
    private readonly Dictionary<IPAddress, HashSet<ResourceName>> _byAddress = [];

    public IReadOnlyCollection<ResourceName> Names => _pods.Keys;

    public IEnumerable<Declaration> Declarations => _pods.Values.Select(p => p.Told).OfType<Declaration>();

    public void Set(Pod item)
    {
        ResourceName name = item.Metadata.ResourceName;
        Declaration? told = _pods.GetValueOrDefault(name)?.Told;
        HashSet<ResourceName> affected = Leave(name);
        EquatableArray<IPAddress> addresses = PodReader.HasEnded(item) ? [] : PodReader.AddressesOf(item);
        _pods[name] = new(item, addresses) { Told = told };

        // Pods of a node's network share its addresses.
        if (!item.Spec.HostNetwork)
        {
            foreach (IPAddress address in addresses)
            {
                if (!_byAddress.TryGetValue(address, out HashSet<ResourceName>? names)) _byAddress.Add(address, names = []);
                names.Add(name);
                affected.UnionWith(names);
            }
        }
        affected.Add(name);
        foreach (ResourceName one in affected) Tell(one);
    }

    // A pod that this version can't read stays as it was: of its addresses and its name nothing is known that is newer.
    public void SetUnreadable(UnreadableObject item)
    {
        ResourceName name = item.Metadata.ResourceName;
        if (_pods.ContainsKey(name)) return;
        ObjectKey key = KeyOf(name);
        string place = PlaceOf(name);
        Declaration declaration = new(new(place, key), new(key, null, new ApiOrigin(place, item.Metadata.ResourceVersion ?? ""), [new(place, 0, key.ToString(), "", $"can't be read: {item.Reason}")]));
        _pods[name] = new(new Pod { Metadata = item.Metadata }, []) { Told = declaration };
        changes.Declare(declaration);
    }

    public void Remove(ResourceName name)
    {
        if (!_pods.TryGetValue(name, out Entry? gone)) return;
        HashSet<ResourceName> affected = Leave(name);
        _pods.Remove(name);
        if (gone.Told is { } told) changes.Remove(told.Key);
        foreach (ResourceName one in affected) Tell(one);
    }

    /// <summary>Takes a pod's addresses away from it, and returns the pods that have one of them as well.</summary>
    private HashSet<ResourceName> Leave(ResourceName name)
    {
        HashSet<ResourceName> others = [];
        if (!_pods.TryGetValue(name, out Entry? entry)) return others;
        foreach (IPAddress address in entry.Addresses)
        {
            if (!_byAddress.TryGetValue(address, out HashSet<ResourceName>? names) || !names.Remove(name)) continue;
            if (names.Count == 0) _byAddress.Remove(address);
            others.UnionWith(names);
        }
        return others;
    }

    private void Tell(ResourceName name)
    {
        Entry entry = _pods[name];
        EquatableArray<IPAddress> own = entry.Pod.Spec.HostNetwork ? entry.Addresses : entry.Addresses.Where(a => OwnerOf(a) == name).ToEquatableArray();
        if (own.IsEmpty)
        {
            if (entry.Told is { } told) changes.Remove(told.Key);
            entry.Told = null;
            return;
        }
        string place = PlaceOf(name);
        Declaration now = new(new(place, KeyOf(name)), PodReader.Read(entry.Pod, place, own));
        if (entry.Told is { Content.Object: not null } before && PodReader.IsSame(before.Content, now.Content)) return;
        entry.Told = now;
        changes.Declare(now);
    }

    /// <summary>The pod that was started last of those that have an address; the kubelet tells the second, so that the API server's time counts next.</summary>
    private ResourceName OwnerOf(IPAddress address) => _byAddress[address].MaxBy(n =>
    {
        Pod pod = _pods[n].Pod;
        DateTimeOffset made = pod.Metadata.CreationTimestamp ?? DateTimeOffset.MinValue;
        return (pod.Status.StartTime ?? made, made, pod.Metadata.Uid ?? "");
    });

    private static ObjectKey KeyOf(ResourceName name) => new(ObjectKind.Workload, name.Namespace, name.Name);

    private static string PlaceOf(ResourceName name) => KnownResources.Pods.ObjectPath(name)[1..];

    private sealed record Entry(Pod Pod, EquatableArray<IPAddress> Addresses)
    {
        /// <summary>What was told of it last; null: nothing, or that it is gone.</summary>
        public Declaration? Told { get; set; }
    }
}
