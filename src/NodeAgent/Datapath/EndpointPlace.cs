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
    private const string NotInside = "; let pods of this node be captured inside their network namespaces (--capture auto), or do not enrol them";

    /// <summary>Whether it can be captured inside its network namespace instead.</summary>
    internal bool MayBeInside { get; private init; }

    /// <summary>Whether the node itself stands in the way, so that the workload is not to be in the mesh where nothing else helps.</summary>
    internal bool IsRefused { get; private init; }

    /// <summary>Finds it.</summary>
    internal static EndpointPlace Find(WorkloadInfo workload, ILinks links, CaptureUse use)
    {
        (LinkState? link, string why) = EndpointResolver.FindLink(workload, links);
        if (WhyInside(workload, link, why, links, use) is { } inside) return new EndpointPlace(workload, link, null, inside) { MayBeInside = true, IsRefused = link is not null };
        if (link is null)
        {
            bool isWithout = IsWithoutHostEnd(workload, links);
            return new EndpointPlace(workload, link, null, isWithout ? why + NotInside : why) { IsRefused = isWithout };
        }
        if (links.FindObstacle(link) is { } obstacle) return new EndpointPlace(workload, link, null, obstacle + NotInside) { IsRefused = true };
        return links.FindPeerMac(link) is { } mac ? new EndpointPlace(workload, link, EndpointAt(workload, link, mac, links), null) : new EndpointPlace(workload, link, null, NoVeth(link));
    }

    /// <summary>The same once it is known that what is captured at the host's end does not arrive.</summary>
    /// <param name="reason">Why that is, for people.</param>
    /// <param name="use">Where pods are captured.</param>
    internal EndpointPlace Undelivered(string reason, CaptureUse use)
    {
        bool mayBeInside = use != CaptureUse.Host;
        return this with { HostEnd = null, Reason = mayBeInside ? reason : reason + NotInside, MayBeInside = mayBeInside, IsRefused = true };
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

    // The host's end is the better place: what goes from pod to pod there needs no proxy. A link that was named and is not there will come.
    private static string? WhyInside(WorkloadInfo workload, LinkState? link, string why, ILinks links, CaptureUse use) => use switch
    {
        CaptureUse.Inside => "all pods of this node are captured inside their network namespaces (--capture inside)",
        CaptureUse.Host => null,
        _ when link is null => workload.HostInterface is null && !workload.Addresses.IsEmpty ? why : null,
        _ => links.FindObstacle(link) ?? (links.FindPeerMac(link) is null ? NoVeth(link) : null),
    };

    // A link that was named and is not there will come.
    private static bool IsWithoutHostEnd(WorkloadInfo workload, ILinks links) => workload.HostInterface is null && links.IsWithoutHostEnd(workload);

    private static string NoVeth(LinkState link) => $"interface {link.Name} is not the host side of a veth";

    private static LocalEndpoint EndpointAt(WorkloadInfo workload, LinkState link, ImmutableArray<byte> mac, ILinks links)
    {
        LinkState? bridge = links.FindBridge(link);
        return new LocalEndpoint(workload, link.Name, link.Index, link.Mtu, (bridge ?? link).Mac, mac) { IsBridged = bridge is not null, HostStackReason = links.FindForeign(link) ?? links.FindRefusal(workload, link) };
    }
}
