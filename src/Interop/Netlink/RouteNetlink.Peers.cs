using Culvert.Interop.Native;

namespace Culvert.Interop.Netlink;

/// <summary>The other ends of veth pairs.</summary>
public sealed partial class RouteNetlink
{
    // linux/if_link.h; since kernel 4.20 a request may ask about another namespace by this one's id for it.
    private const ushort IFLA_TARGET_NETNSID = 46;

    /// <summary>The other end of a veth, in whatever namespace it is, without entering that namespace.</summary>
    /// <param name="link">One end, as seen in this namespace.</param>
    /// <returns>The other end, or null when the link is no veth or the other end is gone.</returns>
    /// <exception cref="NetlinkException">The kernel refused.</exception>
    public LinkInfo? FindPeer(LinkInfo link)
    {
        ArgumentNullException.ThrowIfNull(link);
        if (link.Kind != "veth" || link.PeerIndex == 0) return null;
        if (link.PeerNamespaceId is not { } network) return FindLink(link.PeerIndex);
        NetlinkRequest request = NetlinkRequest.Create(Rt.RTM_GETLINK, Rt.NLM_F_ACK, new Libc.ifinfomsg { ifi_index = link.PeerIndex }).Add(IFLA_TARGET_NETNSID, network);
        return FindLink(request, $"look up the peer of link '{link.Name}'");
    }
}
