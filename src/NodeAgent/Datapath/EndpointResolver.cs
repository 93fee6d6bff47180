using System.Collections.Immutable;
using System.Net;
using Culvert.Core;
using Culvert.NodeAgent.Datapath.Delivery;

namespace Culvert.NodeAgent.Datapath;

/// <summary>Says of each workload of this node how it is captured: at its link, found by the name it was declared with, otherwise by the host route to its address, or in its own network namespace, where the host's end is not to be had; or why it can't be.</summary>
internal static class EndpointResolver
{
    /// <param name="places">Where the workloads can be captured.</param>
    /// <param name="links">What there is.</param>
    /// <param name="owners">For whom programs were attached before.</param>
    internal static ResolvedEndpoints Resolve(EndpointPlaces places, ILinks links, ImmutableArray<InterfaceOwner> owners)
    {
        ImmutableArray<LocalEndpoint>.Builder found = ImmutableArray.CreateBuilder<LocalEndpoint>();
        ImmutableDictionary<string, string>.Builder missing = places.Doubles.ToBuilder();
        ImmutableHashSet<string>.Builder refused = ImmutableHashSet.CreateBuilder<string>(StringComparer.Ordinal);
        HashSet<string> captured = [.. places.HostEnds.Where(e => owners.Any(o => o.IsAt(e))).Select(e => e.Workload.Uid)];
        LocalEndpoint[] hostEnds = [.. places.Local.Concat(places.Outside).Select(p => p.HostEnd).OfType<LocalEndpoint>()];
        IReadOnlyDictionary<string, string> undelivered = links.FindUndelivered(hostEnds, captured, ProbeDestinations.Of(places.Snapshot));

        foreach (EndpointPlace seen in places.Local)
        {
            // Its runtime says where it is before it lets it start. One that was captured and that nothing is known of any more is guarded.
            if (seen.Workload.IsStarting && !owners.Any(o => o.Workload == seen.Workload.Uid && !o.IsOfGonePod(places.Snapshot))) continue;
            EndpointPlace place = Judge(seen);
            string uid = place.Workload.Uid, obstacle = "";
            if ((place.HostEnd ?? place.FindInside(links, out obstacle)) is { } endpoint)
            {
                found.Add(endpoint);
            }
            else if (captured.Contains(uid))
            {
                found.Add(seen.HostEnd! with { Fault = undelivered[uid] }); // who is guarded is not let go
            }
            else
            {
                missing[uid] = ReasonOf(place, obstacle);
                if (place.IsRefused) refused.Add(uid);
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
        foreach (EndpointPlace place in places.Outside.Select(Judge))
        {
            string? reason = place.HostEnd is not null ? links.FindDetour(place.Workload, place.Link!, found) : place.FindInside(links, out string obstacle) is null ? ReasonOf(place, obstacle) : null;
            if (reason is null) continue;
            missing[place.Workload.Uid] = reason;
            refused.Add(place.Workload.Uid);
        }
        return new ResolvedEndpoints(found.ToImmutable(), missing.ToImmutable(), refused.ToImmutable());

        static string ReasonOf(EndpointPlace place, string obstacle) =>
            place.MayBeInside ? $"{place.Reason}; inside its network namespace it can't be captured either: {obstacle}; mend that, let another CNI connect it, or do not enrol it" : place.Reason!;

        EndpointPlace Judge(EndpointPlace place) => place.HostEnd is not null && undelivered.TryGetValue(place.Workload.Uid, out string? reason) ? place.Undelivered(reason, places.Use) : place;
    }

    /// <summary>The host's end of a workload's link, or why there is none.</summary>
    internal static (LinkState? Link, string Why) FindLink(WorkloadInfo workload, ILinks links)
    {
        if (workload.HostInterface is { } name)
        {
            if (links.FindByName(name) is not { } named) return (null, $"interface {name} does not exist on this node");
            return links.FindOtherUse(workload, named) is { } other ? (null, other) : (named, "");
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
