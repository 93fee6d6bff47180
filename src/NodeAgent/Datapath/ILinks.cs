using System.Collections.Immutable;
using System.Net;
using Culvert.Core;
using Culvert.NodeAgent.Datapath.Delivery;
using Culvert.NodeAgent.Datapath.Inside;

namespace Culvert.NodeAgent.Datapath;

/// <summary>One look at the kernel's links, routes and addresses. The reconciler's; not thread-safe.</summary>
internal interface ILinks
{
    /// <summary>Indexes of all links.</summary>
    IReadOnlySet<int> Indexes { get; }

    /// <summary>A link by name; null when there is none.</summary>
    LinkState? FindByName(string name);

    /// <summary>The link that the host route of an address points to; null when there is no such route.</summary>
    LinkState? FindByHostRoute(IPAddress address);

    /// <summary>Why a link that a workload was declared with can't be its: it leads out of the node, or to another workload. Null when nothing speaks against it.</summary>
    string? FindOtherUse(WorkloadInfo workload, LinkState link);

    /// <summary>The MAC address at the other end of a veth, in whatever namespace that is; null when it is no veth.</summary>
    ImmutableArray<byte>? FindPeerMac(LinkState link);

    /// <summary>The bridge that has a link as a port; null when none has.</summary>
    LinkState? FindBridge(LinkState link);

    /// <summary>What others have put at a link that packets redirected to or from it would pass by; null when there is nothing.</summary>
    string? FindForeign(LinkState link);

    /// <summary>Why the node's own forwarding hands on nothing of what comes in by a pod's link, or is for the pod; null when nothing is known that speaks against it.</summary>
    string? FindRefusal(WorkloadInfo workload, LinkState link);

    /// <summary>Something of the node at a pod's link because of which the mesh would break what the pod does, or get round others' policy, with the remedy; null when there is nothing. Such a pod is not captured.</summary>
    string? FindObstacle(LinkState link);

    /// <summary>Why what is captured at pods' links does not reach the proxy, with the remedy.</summary>
    /// <param name="pods">The pods, as they would be captured.</param>
    /// <param name="captured">Uids of those that are captured there already.</param>
    /// <param name="destinations">Whom what is captured is for.</param>
    /// <returns>By uid; none of a pod of which it does, or that can't be told.</returns>
    IReadOnlyDictionary<string, string> FindUndelivered(IReadOnlyList<LocalEndpoint> pods, IReadOnlySet<string> captured, ProbeDestinations destinations);

    /// <summary>The network namespace of a workload of this node, to be captured in; null when that can't be.</summary>
    /// <param name="workload">The workload.</param>
    /// <param name="reason">Why it is to be captured there.</param>
    /// <param name="obstacle">Why null was returned.</param>
    PodNamespace? FindInside(WorkloadInfo workload, string reason, out string obstacle);

    /// <summary>Whether a workload of this node is there, by a link that has no end on the node.</summary>
    bool IsWithoutHostEnd(WorkloadInfo workload);

    /// <summary>
    /// Whether a rule about a pod's link leads what it sends to pods of this node elsewhere, so that this would leave the node in plaintext, and come back from outside with an address of the mesh, which nobody can tell from a
    /// forged one. With the remedy; null when it does not, or that can't be told.
    /// </summary>
    string? FindDetour(WorkloadInfo from, LinkState link, IEnumerable<LocalEndpoint> neighbours);

    /// <summary>
    /// Links that lead out of the node: up, not loopback, and with a global address on a subnet, or with routes to pods of other nodes, such as an overlay's device. None of the pods', and no bridge with
    /// pods behind it or to which nothing but its own subnet is routed.
    /// </summary>
    /// <param name="pods">Names of links of pods of this node.</param>
    /// <param name="near">Addresses of pods of this node.</param>
    /// <param name="far">Addresses of pods of other nodes.</param>
    IReadOnlyList<LinkState> FindUplinks(IReadOnlySet<string> pods, IEnumerable<IPAddress> near, IEnumerable<IPAddress> far);

    /// <summary>Every address of this node that is not loopback, link-local ones included.</summary>
    IReadOnlyCollection<IPAddress> NodeAddresses { get; }
}

/// <summary>A link as it was when looked at.</summary>
internal sealed record LinkState(string Name, int Index, int Mtu, ImmutableArray<byte> Mac);
