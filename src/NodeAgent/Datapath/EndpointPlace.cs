using System.Collections.Immutable;
using Culvert.Core;
using Culvert.Interop.Abi;
using Culvert.NodeAgent.Options;

namespace Culvert.NodeAgent.Datapath;

/// <summary>Where a workload of this node can be captured, as far as its link tells: at the host's end of it, inside its own network namespace, or nowhere.</summary>
/// <param name="Workload">The workload.</param>
/// <param name="Link">The host's end of its link; null: there is none, or none is known.</param>
/// <param name="HostEnd">The workload as it is captured at the host's end; null: it can't be.</param>
/// <param name="Reason">Why it can't be, for people; null where it can.</param>
internal sealed record EndpointPlace(WorkloadInfo Workload, LinkState? Link, LocalEndpoint? HostEnd, string? Reason)
{
    private const int EthernetAddress = 6; // bytes
    private const string StaysInside = "; the workload stays captured inside until the agent starts anew or its link is made anew";
    private const string NotInside = "; let pods of this node be captured inside their network namespaces (--capture auto), or do not enrol them";

    /// <summary>Whether it can be captured inside its network namespace instead.</summary>
    internal bool MayBeInside { get; private init; }

    /// <summary>Whether the node itself stands in the way, so that the workload is not to be in the mesh where nothing else helps.</summary>
    internal bool IsRefused { get; private init; }

    /// <summary>Finds it.</summary>
    internal static EndpointPlace Find(WorkloadInfo workload, ILinks links, CaptureUse use)
    {
        (LinkState? link, string why) = EndpointResolver.FindLink(workload, links);
        if (use == CaptureUse.Inside) return Inside("all pods of this node are captured inside their network namespaces (--capture inside)");
        bool isAuto = use == CaptureUse.Auto;
        if (link is null)
        {
            // A link that was named and is not there will come.
            if (isAuto && workload.HostInterface is null && !workload.Addresses.IsEmpty) return Inside(why);
            bool isWithout = workload.HostInterface is null && links.IsWithoutHostEnd(workload);
            return Nowhere(isWithout ? why + NotInside : why, isWithout);
        }

        // The host's end is the better place: what goes from pod to pod there needs no proxy.
        if (links.FindObstacle(link) is { } obstacle) return isAuto ? Inside(obstacle) : Nowhere(obstacle + NotInside, isRefused: true);
        if (links.FindPeerMac(link) is { } mac) return new EndpointPlace(workload, link, EndpointAt(workload, link, mac, links), null);
        string noVeth = $"interface {link.Name} is not the host side of a veth";
        return isAuto ? Inside(noVeth) : Nowhere(noVeth, isRefused: false);

        EndpointPlace Inside(string reason) => new(workload, link, null, reason) { MayBeInside = true, IsRefused = link is not null };

        EndpointPlace Nowhere(string reason, bool isRefused) => new(workload, link, null, reason) { IsRefused = isRefused };
    }

    /// <summary>The same once it is known that what is captured at the host's end does not arrive.</summary>
    /// <param name="reason">Why that is, for people.</param>
    /// <param name="use">Where pods are captured.</param>
    internal EndpointPlace Undelivered(string reason, CaptureUse use)
    {
        bool mayBeInside = use != CaptureUse.Host;
        return this with { HostEnd = null, Reason = reason + (mayBeInside ? StaysInside : NotInside), MayBeInside = mayBeInside, IsRefused = true };
    }

    /// <summary>The workload as it is captured inside its network namespace.</summary>
    /// <param name="links">What there is.</param>
    /// <param name="obstacle">Why that can't be, when it returns null.</param>
    internal LocalEndpoint? FindInside(ILinks links, out string obstacle)
    {
        obstacle = "";
        if (!MayBeInside || links.FindInside(Workload, Reason!, out obstacle) is not { } pod) return null;
        ImmutableArray<byte> none = [.. new byte[EthernetAddress]];
        return new LocalEndpoint(Workload, pod.Device, (int)(CvAbi.LinkInside | pod.Number), pod.DeviceMtu, none, none) { Inside = pod };
    }

    private static LocalEndpoint EndpointAt(WorkloadInfo workload, LinkState link, ImmutableArray<byte> mac, ILinks links)
    {
        LinkState? bridge = links.FindBridge(link);
        return new LocalEndpoint(workload, link.Name, link.Index, link.Mtu, (bridge ?? link).Mac, mac) { BridgeIndex = bridge?.Index, HostStackReason = links.FindForeign(link) ?? links.FindRefusal(workload, link) };
    }
}
