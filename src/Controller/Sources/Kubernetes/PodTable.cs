using System.Net;
using Culvert.Controller.Objects;
using Culvert.Controller.Schema;
using Culvert.Core;
using Culvert.Kubernetes.Resources;

namespace Culvert.Controller.Sources.Kubernetes;

/// <summary>
/// The pods, and which of them has an address. A node gives an address to the next pod before the API server says that the last one is gone: of two that have it the one that was started later
/// has it, and the other has lost it in the same batch, so that nobody sees the address at both, or the last pod's identity at the next one's. A pod without an address
/// is told from when it has a node. Not thread-safe.
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
        DateTimeOffset made = item.Metadata.CreationTimestamp ?? DateTimeOffset.MinValue;
        Entry? before = _pods.GetValueOrDefault(name);

        // The kubelet tells the second in which a pod was started, so that the API server's time counts next, and then anything that is always the same.
        Entry now = new(PodReader.Read(item, PlaceOf(name)), (item.Status.StartTime ?? made, made, item.Metadata.Uid ?? "")) { Told = before?.Told };
        if (before is { Workload: not null } && before.Rank == now.Rank && PodReader.IsSame(before.Read, now.Read)) return;
        HashSet<ResourceName> affected = Leave(name);
        _pods[name] = now;
        foreach (IPAddress address in now.Claims)
        {
            if (!_byAddress.TryGetValue(address, out HashSet<ResourceName>? names)) _byAddress.Add(address, names = []);
            names.Add(name);
            affected.UnionWith(names);
        }
        affected.Add(name);
        foreach (ResourceName one in affected) Tell(one);
    }

    // A pod that this version can't read stays as it was: of its addresses and its name nothing is known that is newer.
    public void SetUnreadable(UnreadableObject item)
    {
        ResourceName name = item.Metadata.ResourceName;
        if (_pods.ContainsKey(name)) return;
        ObjectKey key = new(ObjectKind.Workload, name.Namespace, name.Name);
        string place = PlaceOf(name);
        ReadObject read = new(key, null, new ApiOrigin(place, item.Metadata.ResourceVersion ?? ""), [new(place, 0, key.ToString(), "", $"can't be read: {item.Reason}")]);
        Declaration declaration = new(new(place, key), read);
        _pods[name] = new(read, default) { Told = declaration };
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
        foreach (IPAddress address in _pods.GetValueOrDefault(name)?.Claims ?? [])
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
        if (entry.Workload is not { } workload) return;
        EquatableArray<IPAddress> own = workload.HostNetwork ? workload.Addresses : workload.Addresses.Where(a => OwnerOf(a) == name).ToEquatableArray();

        // One that has lost all its addresses to others has ended, as far as anybody can tell; one that was never told to have any is about to start, and its node has to know of it before it does.
        bool isStarting = workload is { Addresses.IsEmpty: true, PodUid: not null };
        if (own.IsEmpty && !isStarting)
        {
            if (entry.Told is { } told) changes.Remove(told.Key);
            entry.Told = null;
            return;
        }
        ReadObject read = own == workload.Addresses ? entry.Read : entry.Read with { Object = workload with { Addresses = own } };
        if (entry.Told is { Content.Object: not null } before && PodReader.IsSame(before.Content, read)) return;
        entry.Told = new(new(read.Origin.Place, read.Key), read);
        changes.Declare(entry.Told);
    }

    /// <summary>The pod that was started last of those that have an address.</summary>
    private ResourceName OwnerOf(IPAddress address) => _byAddress[address].MaxBy(n => _pods[n].Rank);

    private static string PlaceOf(ResourceName name) => KnownResources.Pods.ObjectPath(name)[1..];

    /// <param name="Read">The pod with all addresses that it is told to have.</param>
    /// <param name="Rank">Of two pods that have an address the higher one has it.</param>
    private sealed record Entry(ReadObject Read, (DateTimeOffset Started, DateTimeOffset Made, string Uid) Rank)
    {
        /// <summary>What was told of it last; null: nothing, or that it is gone.</summary>
        public Declaration? Told { get; set; }

        /// <summary>Null when it can't be read.</summary>
        public WorkloadObject? Workload => Read.Object as WorkloadObject;

        /// <summary>The addresses that no other pod may have; those of a node's network share its addresses.</summary>
        public IEnumerable<IPAddress> Claims => Workload is { HostNetwork: false } workload ? workload.Addresses : [];
    }
}
