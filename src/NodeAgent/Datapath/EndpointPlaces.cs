using System.Collections.Immutable;
using Culvert.Core;
using Culvert.NodeAgent.Options;

namespace Culvert.NodeAgent.Datapath;

/// <summary>The places of all workloads of a node, before it is tried whether what is captured there arrives.</summary>
/// <param name="Snapshot">What is wanted.</param>
/// <param name="Use">Where pods are captured.</param>
/// <param name="Local">Those to be captured; no two at one link.</param>
/// <param name="Doubles">Uid and reason of those whose link is another's.</param>
/// <param name="Outside">Those that left the mesh because of an obstacle.</param>
internal sealed record EndpointPlaces(NodeSnapshot Snapshot, CaptureUse Use, ImmutableArray<EndpointPlace> Local, ImmutableDictionary<string, string> Doubles, ImmutableArray<EndpointPlace> Outside)
{
    /// <summary>Those that can be captured at the host's end of their links, unless what is captured there does not arrive.</summary>
    internal ImmutableArray<LocalEndpoint> HostEnds => [.. Local.Select(p => p.HostEnd).OfType<LocalEndpoint>()];

    /// <summary>Finds them.</summary>
    internal static EndpointPlaces Find(NodeSnapshot snapshot, ILinks links, CaptureUse use)
    {
        ImmutableArray<EndpointPlace>.Builder local = ImmutableArray.CreateBuilder<EndpointPlace>();
        ImmutableDictionary<string, string>.Builder doubles = ImmutableDictionary.CreateBuilder<string, string>(StringComparer.Ordinal);
        Dictionary<int, string> taken = [];
        foreach (WorkloadInfo workload in snapshot.LocalWorkloads())
        {
            EndpointPlace place = EndpointPlace.Find(workload, links, use);
            if (place is { Link: { } link, MayBeInside: false } && !taken.TryAdd(link.Index, workload.Uid)) doubles[workload.Uid] = $"interface {link.Name} already belongs to {taken[link.Index]}";
            else local.Add(place);
        }
        return new EndpointPlaces(snapshot, use, local.ToImmutable(), doubles.ToImmutable(), [.. snapshot.RefusedWorkloads().Select(w => EndpointPlace.Find(w, links, use))]);
    }
}
