using System.Collections.Immutable;
using System.Net;
using Culvert.Core;
using Culvert.Interop.Abi;
using Culvert.NodeAgent.Datapath.Delivery;
using Culvert.NodeAgent.Datapath.Inside;
using Culvert.NodeAgent.Options;

namespace Culvert.NodeAgent.Datapath;

/// <summary>Finds the link of each workload of this node: by the name it was declared with, otherwise by the host route to its address, or in its own network namespace, where the host's end is not to be had; or why it can't be captured.</summary>
internal static class EndpointResolver
{
    private const int EthernetAddress = 6; // bytes
    private const string NotInside = "; let pods of this node be captured inside their network namespaces (--capture auto), or do not enrol them";

    /// <param name="snapshot">What is wanted.</param>
    /// <param name="links">What there is.</param>
    /// <param name="owners">For whom programs were attached before.</param>
    /// <param name="use">Where pods are captured.</param>
    internal static ResolvedEndpoints Resolve(NodeSnapshot snapshot, ILinks links, ImmutableArray<InterfaceOwner> owners, CaptureUse use = CaptureUse.Auto)
    {
        ImmutableArray<LocalEndpoint>.Builder found = ImmutableArray.CreateBuilder<LocalEndpoint>();
        ImmutableDictionary<string, string>.Builder missing = ImmutableDictionary.CreateBuilder<string, string>(StringComparer.Ordinal);
        ImmutableHashSet<string>.Builder refused = ImmutableHashSet.CreateBuilder<string>(StringComparer.Ordinal);
        Dictionary<int, string> taken = [];
        ProbeDestinations destinations = ProbeDestinations.Of(snapshot);
        foreach (WorkloadInfo workload in snapshot.LocalWorkloads())
        {
            (LinkState? link, string why) = FindLink(workload, links);
            LocalEndpoint? endpoint = null;
            if (WhyInside(workload, link, why, links, use) is not { } reason)
            {
                if (link is null && IsWithoutHostEnd(workload, links))
                {
                    missing[workload.Uid] = why + NotInside;
                    refused.Add(workload.Uid);
                    continue;
                }
                if (link is null || !taken.TryAdd(link.Index, workload.Uid))
                {
                    missing[workload.Uid] = link is null ? why : $"interface {link.Name} already belongs to {taken[link.Index]}";
                    continue;
                }
                if (links.FindObstacle(link) is { } obstacle)
                {
                    missing[workload.Uid] = obstacle + NotInside;
                    refused.Add(workload.Uid);
                    continue;
                }
                if (links.FindPeerMac(link) is not { } mac)
                {
                    missing[workload.Uid] = $"interface {link.Name} is not the host side of a veth";
                    continue;
                }
                endpoint = EndpointAt(workload, link, mac, links);
                bool isCaptured = owners.Contains(new InterfaceOwner(link.Name, link.Index, workload.Uid));
                if (links.FindUndelivered(endpoint, isCaptured, destinations) is not { } undelivered)
                {
                    found.Add(endpoint);
                    continue;
                }
                reason = undelivered;
                endpoint = isCaptured ? endpoint with { Fault = undelivered } : null; // who is guarded is not let go
            }
            string obstacleInside = "";
            if (use != CaptureUse.Host && links.FindInside(workload, reason, out obstacleInside) is { } pod)
            {
                found.Add(EndpointInside(workload, pod));
            }
            else if (endpoint is not null)
            {
                found.Add(endpoint);
            }
            else
            {
                missing[workload.Uid] = use == CaptureUse.Host ? reason + NotInside : $"{reason}; inside its network namespace it can't be captured either: {obstacleInside}; mend that, let another CNI connect it, or do not enrol it";
                if (link is not null) refused.Add(workload.Uid);
            }
        }
        foreach (LocalEndpoint endpoint in found.Where(e => e.Inside is null).ToArray())
        {
            if (FindLink(endpoint.Workload, links).Link is not { } link || links.FindDetour(endpoint.Workload, link, found) is not { } detour) continue;
            found.Remove(endpoint);
            missing[endpoint.Workload.Uid] = detour;
            refused.Add(endpoint.Workload.Uid);
        }
        // They left the mesh because of an obstacle, and come back once their link is seen without one: while there is no link nobody knows.
        foreach (WorkloadInfo workload in snapshot.RefusedWorkloads())
        {
            if (WhyRefused(workload, links, found, use, destinations) is not { } obstacle) continue;
            missing[workload.Uid] = obstacle;
            refused.Add(workload.Uid);
        }
        return new ResolvedEndpoints(found.ToImmutable(), missing.ToImmutable(), refused.ToImmutable());
    }

    // Why a workload that left the mesh stays out of it; null: it can come back.
    private static string? WhyRefused(WorkloadInfo workload, ILinks links, IReadOnlyList<LocalEndpoint> neighbours, CaptureUse use, ProbeDestinations destinations)
    {
        (LinkState? link, string why) = FindLink(workload, links);
        string? inside = WhyInside(workload, link, why, links, use);
        if (inside is null)
        {
            if (link is null) return IsWithoutHostEnd(workload, links) ? why + NotInside : why;
            if (links.FindObstacle(link) is { } obstacle) return obstacle + NotInside;
            if (links.FindDetour(workload, link, neighbours) is { } detour) return detour;
            if (links.FindPeerMac(link) is not { } mac || (inside = links.FindUndelivered(EndpointAt(workload, link, mac, links), isCaptured: false, destinations)) is null) return null;
            if (use == CaptureUse.Host) return inside + NotInside;
        }
        return links.FindInside(workload, inside, out _) is null ? inside : null;
    }

    // The host's end is the better place: what goes from pod to pod there needs no proxy. A link that was named and is not there will come.
    private static string? WhyInside(WorkloadInfo workload, LinkState? link, string why, ILinks links, CaptureUse use) => use switch
    {
        CaptureUse.Inside => "all pods of this node are captured inside their network namespaces (--capture inside)",
        CaptureUse.Host => null,
        _ when link is null => workload.HostInterface is null && !workload.Addresses.IsEmpty ? why : null,
        _ => links.FindObstacle(link) ?? (links.FindPeerMac(link) is null ? $"interface {link.Name} is not the host side of a veth" : null),
    };

    // A link that was named and is not there will come.
    private static bool IsWithoutHostEnd(WorkloadInfo workload, ILinks links) => workload.HostInterface is null && links.IsWithoutHostEnd(workload);

    private static LocalEndpoint EndpointAt(WorkloadInfo workload, LinkState link, ImmutableArray<byte> mac, ILinks links)
    {
        LinkState? bridge = links.FindBridge(link);
        return new LocalEndpoint(workload, link.Name, link.Index, link.Mtu, (bridge ?? link).Mac, mac) { IsBridged = bridge is not null, HostStackReason = links.FindForeign(link) ?? links.FindRefusal(workload, link) };
    }

    private static LocalEndpoint EndpointInside(WorkloadInfo workload, PodNamespace pod) =>
        new(workload, pod.Device, (int)(CvAbi.LinkInside | pod.Number), pod.DeviceMtu, [.. new byte[EthernetAddress]], [.. new byte[EthernetAddress]]) { Inside = pod };

    /// <summary>The host's end of a workload's link, or why there is none.</summary>
    internal static (LinkState? Link, string Why) FindLink(WorkloadInfo workload, ILinks links)
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
