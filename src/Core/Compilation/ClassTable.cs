using System.Net;

namespace Culvert.Core;

/// <summary>Collects the source classes of a snapshot and what addresses say about them.</summary>
internal sealed class ClassTable
{
    private readonly IdAllocator _ids;
    private readonly Dictionary<(SpiffeId?, IpPrefix?), int> _indexes = [];
    private readonly List<SourceClass> _classes = [new(0, null, null)];
    private readonly Dictionary<IpPrefix, AddressClass> _addresses = [];

    public ClassTable(NodeSnapshot snapshot, CidrSet cidrs, IdAllocator ids)
    {
        _ids = ids;
        _indexes.Add((null, null), 0);
        foreach (IpPrefix prefix in cidrs.Prefixes.Order())
        {
            uint id = GetOrAdd(null, prefix);
            _addresses.Add(prefix, new(prefix, id, id));
        }
        foreach ((IPAddress address, SpiffeId? identity) in Identities(snapshot).OrderBy(p => IpPrefix.Host(p.Key)))
        {
            IpPrefix? cidr = cidrs.Find(address);
            IpPrefix host = IpPrefix.Host(address);
            _addresses[host] = new(host, GetOrAdd(identity, cidr), GetOrAdd(null, cidr));
        }
    }

    /// <summary>All classes; the world first.</summary>
    public IReadOnlyList<SourceClass> Classes => _classes;

    public IEnumerable<AddressClass> Addresses => _addresses.Values.OrderBy(a => a.Prefix);

    private uint GetOrAdd(SpiffeId? identity, IpPrefix? cidr)
    {
        if (_indexes.TryGetValue((identity, cidr), out int index)) return _classes[index].Id;
        var added = new SourceClass(_ids.GetOrAdd($"{identity?.ToString() ?? "-"} {cidr?.ToString() ?? "-"}"), identity, cidr);
        _indexes.Add((identity, cidr), _classes.Count);
        _classes.Add(added);
        return added.Id;
    }

    /// <summary>The identity each workload address proves; null where the workload is not enrolled or workloads of several identities share the address.</summary>
    private static Dictionary<IPAddress, SpiffeId?> Identities(NodeSnapshot snapshot)
    {
        var identities = new Dictionary<IPAddress, SpiffeId?>();
        foreach (WorkloadInfo workload in snapshot.Workloads.Values)
        {
            SpiffeId? identity = workload.Enrolled ? workload.Identity : null;
            foreach (IPAddress address in workload.Addresses)
            {
                if (!identities.TryAdd(address, identity) && identities[address] != identity) identities[address] = null;
            }
        }
        return identities;
    }
}
