using System.Collections.Immutable;
using System.Net;
using Culvert.Core;

namespace Culvert.NodeAgent.Datapath;

/// <summary>Finds the link of each workload of this node: by the name it was declared with, otherwise by the host route to its address; or why it can't be captured.</summary>
internal static class EndpointResolver
{
    /// <param name="snapshot">What is wanted.</param>
    /// <param name="links">What there is.</param>
    internal static ResolvedEndpoints Resolve(NodeSnapshot snapshot, ILinks links)
    {
        ImmutableArray<LocalEndpoint>.Builder found = ImmutableArray.CreateBuilder<LocalEndpoint>();
        ImmutableDictionary<string, string>.Builder missing = ImmutableDictionary.CreateBuilder<string, string>(StringComparer.Ordinal);
        ImmutableHashSet<string>.Builder refused = ImmutableHashSet.CreateBuilder<string>(StringComparer.Ordinal);
        Dictionary<int, string> owners = [];
        foreach (WorkloadInfo workload in snapshot.LocalWorkloads())
        {
            (LinkState? link, string why) = FindLink(workload, links);
            if (link is null)
            {
                missing[workload.Uid] = why;
            }
            else if (!owners.TryAdd(link.Index, workload.Uid))
            {
                missing[workload.Uid] = $"interface {link.Name} already belongs to {owners[link.Index]}";
            }
            else if (links.FindObstacle(link) is { } obstacle)
            {
                missing[workload.Uid] = obstacle;
                refused.Add(workload.Uid);
            }
            else if (links.FindPeerMac(link) is not { } mac)
            {
                missing[workload.Uid] = $"interface {link.Name} is not the host side of a veth";
            }
            else
            {
                LinkState? bridge = links.FindBridge(link);
                found.Add(new LocalEndpoint(workload, link.Name, link.Index, link.Mtu, (bridge ?? link).Mac, mac) { IsBridged = bridge is not null, HostStackReason = links.FindForeign(link) });
            }
        }
        foreach (LocalEndpoint endpoint in found.ToArray())
        {
            if (FindLink(endpoint.Workload, links).Link is not { } link || links.FindDetour(endpoint.Workload, link, found) is not { } detour) continue;
            found.Remove(endpoint);
            missing[endpoint.Workload.Uid] = detour;
            refused.Add(endpoint.Workload.Uid);
        }
        // They left the mesh because of an obstacle, and come back once their link is seen without one: while there is no link nobody knows.
        foreach (WorkloadInfo workload in snapshot.RefusedWorkloads())
        {
            (LinkState? link, string why) = FindLink(workload, links);
            if ((link is null ? why : links.FindObstacle(link) ?? links.FindDetour(workload, link, found)) is not { } obstacle) continue;
            missing[workload.Uid] = obstacle;
            refused.Add(workload.Uid);
        }
        return new ResolvedEndpoints(found.ToImmutable(), missing.ToImmutable(), refused.ToImmutable());
    }

    private static (LinkState? Link, string Why) FindLink(WorkloadInfo workload, ILinks links)
    {
        if (workload.HostInterface is { } name)
        {
            return (links.FindByName(name), $"interface {name} does not exist on this node");
        }
        foreach (IPAddress address in workload.Addresses)
        {
            if (links.FindByHostRoute(address) is { } link) return (link, "");
        }
        return (null, workload.Addresses.IsEmpty ? "it has no address" : $"no interface is named and there is no host route to {string.Join(", ", workload.Addresses)}");
    }
}

/// <summary>What has become of the workloads of a node.</summary>
/// <param name="Found">Those that can be captured.</param>
/// <param name="Missing">Uid and reason of those that can't.</param>
/// <param name="Refused">Those of them that the node itself stands in the way of, so that they are not to be in the mesh.</param>
internal sealed record ResolvedEndpoints(ImmutableArray<LocalEndpoint> Found, ImmutableDictionary<string, string> Missing, ImmutableHashSet<string> Refused);
