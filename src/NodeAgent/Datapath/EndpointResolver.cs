using System.Collections.Immutable;
using System.Net;
using Culvert.Core;

namespace Culvert.NodeAgent.Datapath;

/// <summary>Finds the link of each workload of this node: by the name it was declared with, otherwise by the host route to its address; or why it can't be captured.</summary>
internal static class EndpointResolver
{
    internal static (ImmutableArray<LocalEndpoint> Found, ImmutableDictionary<string, string> Missing) Resolve(NodeSnapshot snapshot, ILinks links)
    {
        ImmutableArray<LocalEndpoint>.Builder found = ImmutableArray.CreateBuilder<LocalEndpoint>();
        ImmutableDictionary<string, string>.Builder missing = ImmutableDictionary.CreateBuilder<string, string>(StringComparer.Ordinal);
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
            else if (links.FindPeerMac(link) is not { } mac)
            {
                missing[workload.Uid] = $"interface {link.Name} is not the host side of a veth";
            }
            else if (links.FindObstacle(link) is { } obstacle)
            {
                missing[workload.Uid] = obstacle;
            }
            else
            {
                found.Add(new LocalEndpoint(workload, link.Name, link.Index, link.Mtu, link.Mac, mac) { HostStackReason = links.FindForeign(link) });
            }
        }
        return (found.ToImmutable(), missing.ToImmutable());
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
