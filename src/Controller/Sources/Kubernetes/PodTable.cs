using System.Net;
using Culvert.Controller.Objects;
using Culvert.Controller.Schema;
using Culvert.Core;
using Culvert.Kubernetes.Resources;
using k8s.Models;

namespace Culvert.Controller.Sources.Kubernetes;

/// <summary>
/// The pods, and which of them has an address. A node gives an address to the next pod before the API server says that the last one is gone: of two that have it the one that is not being deleted
/// has it, and the other has lost it in the same batch, so that nobody sees the address at both, or the last pod's identity at the next one's. A pod without an address
/// is told from when it has a node. Not thread-safe.
/// </summary>
/// <remarks>
/// A pod's addresses are in its status, which others than its kubelet may be allowed to write: nothing in a status takes an address from a pod that is there and is to stay. Whoever has it keeps it, or where all are told
/// at once the oldest, and who wants it too is told to have an error.
/// </remarks>
internal sealed class PodTable(PendingChanges changes) : IKindTable<V1Pod>
{
    private readonly Dictionary<ResourceName, Entry> _pods = [];
    private readonly Dictionary<IPAddress, HashSet<ResourceName>> _byAddress = [];
    private readonly Dictionary<IPAddress, ResourceName> _owners = [];

    public IReadOnlyCollection<ResourceName> Names => _pods.Keys;

    public IEnumerable<Declaration> Declarations => _pods.Values.Select(p => p.Told).OfType<Declaration>();

    public void Set(V1Pod item)
    {
        ResourceName name = item.Metadata.ResourceName;
        Entry? before = _pods.GetValueOrDefault(name);
        Entry now = new(PodReader.Read(item, PlaceOf(name)), item.Metadata.DeletionTimestamp is not null, (item.Metadata.Created ?? DateTimeOffset.MinValue, item.Metadata.Uid ?? "")) { Told = before?.Told };
        if (before is { Workload: not null } && (before.IsLeaving, before.Made) == (now.IsLeaving, now.Made) && PodReader.IsSame(before.Read, now.Read)) return;
        HashSet<ResourceName> affected = Leave(name);
        _pods[name] = now;
        foreach (IPAddress address in now.Claims)
        {
            if (!_byAddress.TryGetValue(address, out HashSet<ResourceName>? names)) _byAddress.Add(address, names = []);
            names.Add(name);
            affected.UnionWith(names);
        }
        affected.Add(name);
        foreach (IPAddress address in (before?.Claims ?? []).Union(now.Claims)) Settle(address);
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
        _pods[name] = new(read, IsLeaving: false, default) { Told = declaration };
        changes.Declare(declaration);
    }

    public void Remove(ResourceName name)
    {
        if (!_pods.TryGetValue(name, out Entry? gone)) return;
        HashSet<ResourceName> affected = Leave(name);
        _pods.Remove(name);
        foreach (IPAddress address in gone.Claims) Settle(address);
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
        EquatableArray<IPAddress> own = workload.HostNetwork ? workload.Addresses : workload.Addresses.Where(a => _owners[a] == name).ToEquatableArray();

        // One that is being deleted and has lost all its addresses to others has ended, as far as anybody can tell; of any other its node has to know.
        bool isThere = workload.PodUid is not null && (workload.Addresses.IsEmpty || !entry.IsLeaving);
        if (own.IsEmpty && !isThere)
        {
            if (entry.Told is { } told) changes.Remove(told.Key);
            entry.Told = null;
            return;
        }
        ReadObject read = own == workload.Addresses ? entry.Read : entry.Read with { Object = workload with { Addresses = own }, Errors = [.. entry.Read.Errors, .. Disputes(entry, workload, name)] };
        if (entry.Told is { Content.Object: not null } before && PodReader.IsSame(before.Content, read)) return;
        entry.Told = new(new(read.Origin.Place, read.Key), read);
        changes.Declare(entry.Told);
    }

    /// <summary>Says whose an address is: of those that want it and are not being deleted, the one that has it already, or else the oldest.</summary>
    private void Settle(IPAddress address)
    {
        if (!_byAddress.TryGetValue(address, out HashSet<ResourceName>? names)) _owners.Remove(address);
        else _owners[address] = names.MinBy(n => (_pods[n].IsLeaving, !(_owners.TryGetValue(address, out ResourceName owner) && owner == n), _pods[n].Made));
    }

    /// <summary>Addresses of pods that stay. A pod that is being deleted has lost them to the next one, as it should.</summary>
    private IEnumerable<SourceError> Disputes(Entry entry, WorkloadObject workload, ResourceName name) =>
        entry.IsLeaving ? [] : workload.Addresses.Where(a => _owners[a] != name && !_pods[_owners[a]].IsLeaving)
            .Select(a => new SourceError(entry.Read.Origin.Place, 0, workload.Key.ToString(), "status.podIPs", $"{a} is the address of the pod {_owners[a]}, which has it by right of the first, or of the older; the pod counts without it"));

    private static string PlaceOf(ResourceName name) => KnownResources.Pods.ObjectPath(name)[1..];

    /// <param name="Read">The pod with all addresses that it is told to have.</param>
    /// <param name="IsLeaving">Whether it is being deleted.</param>
    /// <param name="Made">When the API server has made it, and then anything that is always the same.</param>
    private sealed record Entry(ReadObject Read, bool IsLeaving, (DateTimeOffset Time, string Uid) Made)
    {
        /// <summary>What was told of it last; null: nothing, or that it is gone.</summary>
        public Declaration? Told { get; set; }

        /// <summary>Null when it can't be read.</summary>
        public WorkloadObject? Workload => Read.Object as WorkloadObject;

        /// <summary>The addresses that no other pod may have; those of a node's network share its addresses.</summary>
        public IEnumerable<IPAddress> Claims => Workload is { HostNetwork: false } workload ? workload.Addresses : [];
    }
}
