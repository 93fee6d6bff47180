using System.Collections.Immutable;
using System.Net;
using Culvert.Core;
using Culvert.NodeAgent.Options;

namespace Culvert.NodeAgent.Datapath;

/// <summary>What a snapshot wants of the links that the node has: the programs at each of them.</summary>
internal sealed record LinkPlan
{
    /// <summary>What the reason of a workload ends with whose link went away while programs were attached to it.</summary>
    internal const string WentAway = "went away just now";

    /// <summary>What it is the plan of.</summary>
    internal required NodeSnapshot Snapshot { get; init; }

    /// <summary>Workloads that are captured.</summary>
    internal required ImmutableArray<LocalEndpoint> Endpoints { get; init; }

    /// <summary>Uid and reason of the workloads of this node that are not captured.</summary>
    internal required ImmutableDictionary<string, string> Missing { get; init; }

    /// <summary>Those of them that the node itself stands in the way of, and that no programs guard: they are not to be in the mesh.</summary>
    internal ImmutableHashSet<string> Refused { get; init; } = [];

    /// <summary>
    /// Quarantined interfaces: they keep the programs they were given for a workload which is still enrolled here, but can't be captured any more, or for a pod that is gone from the cluster and may run on,
    /// as one that was deleted without waiting for its end, until its runtime takes them away. No endpoint is theirs, so the programs refuse everything: to take them away would let the pod do as it likes.
    /// </summary>
    internal required ImmutableArray<InterfaceOwner> Quarantined { get; init; }

    /// <summary>Links that lead out of the node.</summary>
    internal required IReadOnlyList<LinkState> Uplinks { get; init; }

    /// <summary>
    /// Host's ends of the links of pods that are captured inside their network namespaces: what these send to pods that are captured at the host's end comes by them, as by an uplink. None where there is no such pod.
    /// </summary>
    internal IReadOnlyList<LinkState> HostEnds { get; init; } = [];

    /// <summary>Those of the uplinks with the XDP program.</summary>
    internal required IReadOnlyList<LinkState> XdpUplinks { get; init; }

    /// <summary>Those captured inside their network namespaces.</summary>
    internal IEnumerable<LocalEndpoint> Inside => Endpoints.Where(e => e.Inside is not null);

    /// <summary>Every interface of the node that has a pod's programs, with its workload.</summary>
    internal ImmutableArray<InterfaceOwner> Pods => [.. Endpoints.Where(e => e.Inside is null).Select(InterfaceOwner.Of), .. Quarantined];

    /// <summary>Uid and reason of the members that stay guarded and whose packets do not get through.</summary>
    internal ImmutableDictionary<string, string> Blocked => Endpoints.Where(e => e.Fault is not null).Select(e => KeyValuePair.Create(e.Workload.Uid, e.Fault!))
        .Concat(Quarantined.Where(IsOfMember).Select(q => KeyValuePair.Create(q.Workload, Missing[q.Workload])))
        .DistinctBy(b => b.Key).ToImmutableDictionary(StringComparer.Ordinal);

    /// <summary>Makes the plan.</summary>
    /// <param name="places">Where the workloads that are wanted can be captured.</param>
    /// <param name="links">What there is.</param>
    /// <param name="owners">For whom programs were attached before.</param>
    /// <param name="uplinks">Names of the uplinks; none: whatever leads out.</param>
    /// <param name="use">When uplinks have the XDP program.</param>
    internal static LinkPlan Make(EndpointPlaces places, ILinks links, ImmutableArray<InterfaceOwner> owners, IReadOnlyList<string> uplinks, XdpUse use)
    {
        NodeSnapshot snapshot = places.Snapshot;
        (ImmutableArray<LocalEndpoint> endpoints, ImmutableDictionary<string, string> missing, ImmutableHashSet<string> refused) = EndpointResolver.Resolve(places, links, owners);
        HashSet<string> pods = [.. endpoints.Where(e => e.Inside is null).Select(e => e.Interface)];
        List<InterfaceOwner> quarantined = [];
        foreach (InterfaceOwner owner in owners)
        {
            bool isGone = owner.IsOfGonePod(snapshot);
            string? why = isGone ? null : missing.GetValueOrDefault(owner.Workload);

            // Name and index: the record may be older than the node's last start.
            if ((why is null && !isGone) || links.FindByName(owner.Interface)?.Index != owner.Index || !pods.Add(owner.Interface)) continue;
            quarantined.Add(owner);
            if (why is null) continue;
            refused = refused.Remove(owner.Workload);
            missing = missing.SetItem(owner.Workload, $"{why}; {owner.Interface}, which was its interface, refuses every packet until that is mended");
        }
        IReadOnlyList<LinkState> outward = uplinks.Count == 0 ? links.FindUplinks(pods, AddressesOf(snapshot, here: true), AddressesOf(snapshot, here: false)) : [.. uplinks.Select(links.FindByName).OfType<LinkState>()];
        return new LinkPlan
        {
            Snapshot = snapshot,
            Endpoints = endpoints,
            Missing = missing,
            Refused = refused,
            Quarantined = [.. quarantined],
            Uplinks = outward,
            XdpUplinks = WantsXdp(use, endpoints) ? outward : [],
            HostEnds = pods.Count == 0 ? [] : [.. endpoints.Where(e => e.Inside is not null).Select(e => EndpointResolver.FindLink(e.Workload, links).Link).OfType<LinkState>().Where(l => !outward.Any(u => u.Index == l.Index))],
        };
    }

    /// <summary>Programs at the host's ends of some pods' links, and nothing else.</summary>
    internal static LinkPlan OfPods(NodeSnapshot snapshot, ImmutableArray<LocalEndpoint> pods) => new() { Snapshot = snapshot, Endpoints = pods, Missing = ImmutableDictionary<string, string>.Empty, Quarantined = [], Uplinks = [], XdpUplinks = [] };

    /// <summary>What is left of it when some links have gone meanwhile.</summary>
    internal LinkPlan Without(IReadOnlySet<int> gone) => gone.Count == 0 ? this : new()
    {
        Snapshot = Snapshot,
        Endpoints = [.. Endpoints.Where(e => !gone.Contains(e.Index))],
        Refused = Refused,
        Missing = Missing.SetItems(Pods.Concat(Inside.Select(InterfaceOwner.Of)).Where(p => gone.Contains(p.Index) && !p.IsOfGonePod(Snapshot)).Select(p => KeyValuePair.Create(p.Workload, $"interface {p.Interface} {WentAway}"))),
        Quarantined = [.. Quarantined.Where(q => !gone.Contains(q.Index))],
        Uplinks = [.. Uplinks.Where(u => !gone.Contains(u.Index))],
        XdpUplinks = [.. XdpUplinks.Where(u => !gone.Contains(u.Index))],
        HostEnds = [.. HostEnds.Where(u => !gone.Contains(u.Index))],
    };

    private static IEnumerable<IPAddress> AddressesOf(NodeSnapshot snapshot, bool here) =>
        snapshot.Workloads.Values.Where(w => w.Enrolled && w.Node == snapshot.Node == here).SelectMany(w => w.Addresses);

    private static bool WantsXdp(XdpUse use, IEnumerable<LocalEndpoint> endpoints) => use switch
    {
        XdpUse.On => true,
        XdpUse.Off => false,
        _ => endpoints.Any(e => e.Inside is null && e.Workload.ProxyProtocolPorts.Concat(e.Workload.TrustedProxies.SelectMany(t => t.Ports)).Any(p => p.Protocol == TransportProtocol.Udp)),
    };

    private bool IsOfMember(InterfaceOwner owner) =>
        Missing.ContainsKey(owner.Workload) && Snapshot.Workloads.TryGetValue(owner.Workload, out WorkloadInfo? workload) && GonePods.MayBe(owner.PodUid, workload.PodUid);
}
