using System.Net;
using Culvert.Core;
using Culvert.Interop.Netlink;

namespace Culvert.NodeAgent.Hosting;

/// <summary>
/// Who may ask for metrics and readiness: this node, and whoever comes from outside of it and is no workload. Metrics name every workload and who talks to whom. What pods of
/// other nodes send in their node's name can't be told from that node. Thread-safe.
/// </summary>
internal sealed class ProbeSources(IReadOnlyList<IpPrefix> allowed, Func<SnapshotIndex> index, Func<IReadOnlySet<int>> uplinks)
{
    /// <summary>Whether an address may.</summary>
    internal bool Allows(IPAddress source)
    {
        if (source.IsIPv4MappedToIPv6) source = source.MapToIPv4();
        if (IPAddress.IsLoopback(source) || allowed.Any(a => a.Contains(source))) return true;
        if (index().FindWorkload(source) is not null) return false;

        // A pod that is not in the mesh is at the other end of a veth all the same. Asked anew each time: it may be a moment old.
        using RouteNetlink netlink = RouteNetlink.Open();
        int link = source.IsIPv6LinkLocal ? (int)source.ScopeId : netlink.FindOutputLink(source);
        return link != 0 && (uplinks().Contains(link) || netlink.FindLink(link)?.Kind != "veth");
    }
}
