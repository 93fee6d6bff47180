using System.Net;

namespace Culvert.Core;

/// <summary>Collects the classes of peers of a snapshot and what addresses say about them.</summary>
internal sealed class ClassTable
{
    private readonly IdAllocator _ids;
    private readonly Dictionary<(SpiffeId?, PolicyPeer), int> _indexes = [];
    private readonly List<PeerClass> _classes = [new(0, null, null)];
    private readonly Dictionary<IpPrefix, AddressClass> _addresses = [];

    public ClassTable(NodeSnapshot snapshot, PolicyInput input, IdAllocator ids)
    {
        _ids = ids;
        _indexes.Add((null, default), 0);
        foreach (IpPrefix prefix in input.Cidrs.Prefixes.Order())
        {
            uint id = GetOrAdd(null, new(prefix, [], []));
            _addresses.Add(prefix, new(prefix, id, id));
        }
        foreach ((IPAddress address, (SpiffeId? identity, WorkloadInfo workload)) in Owners(snapshot).OrderBy(p => IpPrefix.Host(p.Key)))
        {
            PolicyPeer peer = input.Describe(input.Cidrs.Find(address), workload);
            IpPrefix host = IpPrefix.Host(address);
            _addresses[host] = new(host, GetOrAdd(identity, peer), GetOrAdd(null, peer));
        }
    }

    /// <summary>All classes; the world first.</summary>
    public IReadOnlyList<PeerClass> Classes => _classes;

    public IEnumerable<AddressClass> Addresses => _addresses.Values.OrderBy(a => a.Prefix);

    private uint GetOrAdd(SpiffeId? identity, PolicyPeer peer)
    {
        if (_indexes.TryGetValue((identity, peer), out int index)) return _classes[index].Id;
        var added = new PeerClass(_ids.GetOrAdd(Name(identity, peer)), identity, peer.Block) { Groups = peer.Groups, NamedPorts = peer.NamedPorts };
        _indexes.Add((identity, peer), _classes.Count);
        _classes.Add(added);
        return added.Id;
    }

    /// <summary>A class keeps its number for as long as all that it stands for has the same name.</summary>
    private static string Name(SpiffeId? identity, in PolicyPeer peer)
    {
        string name = $"{identity?.ToString() ?? "-"} {peer.Block?.ToString() ?? "-"}";
        return peer.Groups.IsEmpty && peer.NamedPorts.IsEmpty ? name
            : $"{name} {PolicyFingerprint.Hash(string.Join('\n', peer.Groups.Concat(peer.NamedPorts.Select(p => $"{p.Name} {p.Port} {p.Protocol}"))))}";
    }

    /// <summary>
    /// Of each workload's address the identity it proves, null where the workload is not enrolled or workloads of several identities share it, and
    /// the workload that has it: the first by uid, as <see cref="SnapshotIndex"/> says it.
    /// </summary>
    private static Dictionary<IPAddress, (SpiffeId? Identity, WorkloadInfo Workload)> Owners(NodeSnapshot snapshot)
    {
        var owners = new Dictionary<IPAddress, (SpiffeId? Identity, WorkloadInfo Workload)>();
        foreach (WorkloadInfo workload in snapshot.Workloads.Values)
        {
            SpiffeId? identity = workload.Enrolled ? workload.Identity : null;
            foreach (IPAddress address in workload.Addresses)
            {
                if (owners.TryAdd(address, (identity, workload))) continue;
                (SpiffeId? Identity, WorkloadInfo Workload) known = owners[address];
                owners[address] = (known.Identity == identity ? identity : null, string.CompareOrdinal(workload.Uid, known.Workload.Uid) < 0 ? workload : known.Workload);
            }
        }
        return owners;
    }
}
