using System.Net.Sockets;
using Culvert.Interop.Native;

namespace Culvert.Interop.Netlink;

/// <summary>Whether packets are forwarded that come in by a link.</summary>
public sealed partial class RouteNetlink
{
    // NETCONFA_IFINDEX_ALL: the settings that go for a namespace as a whole.
    private const int AllLinks = -1;

    /// <summary>Lists links whose packets of a family are not forwarded (net.ipv4.conf.NAME.forwarding, net.ipv6.conf.all.forwarding). IPv6 is forwarded or not by a namespace as a whole.</summary>
    /// <param name="family">IPv4 or IPv6.</param>
    /// <returns>A test for the index of a link; it is never true where the kernel does not know the family.</returns>
    /// <exception cref="NetlinkException">The kernel refused.</exception>
    public Predicate<int> FindNotForwarded(AddressFamily family)
    {
        NetlinkRequest request = NetlinkRequest.Create(Rt.RTM_GETNETCONF, Rt.NLM_F_DUMP, new Libc.netconfmsg { family = Family(family) });
        List<NotForwarding> off;
        try
        {
            off = _socket.Dump(request, "list which links forward", (_, body) => ParseNotForwarded(body.Span));
        }
        catch (NetlinkException e) when (e.Errno == Errno.EOPNOTSUPP)
        {
            return _ => false;
        }
        HashSet<int> links = [.. off.Select(o => o.Link)];
        return family == AddressFamily.InterNetwork ? links.Contains : _ => links.Contains(AllLinks);
    }

    private static NotForwarding? ParseNotForwarded(ReadOnlySpan<byte> body)
    {
        NetlinkAttributes attributes = NetlinkAttributes.After<Libc.netconfmsg>(body);
        int? index = null, forwarding = null;
        while (attributes.Next())
        {
            if (attributes.Type == Rt.NETCONFA_IFINDEX) index = attributes.Int32;
            else if (attributes.Type == Rt.NETCONFA_FORWARDING) forwarding = attributes.Int32;
        }
        return forwarding == 0 && index is { } link ? new NotForwarding(link) : null;
    }

    // The index of a link, or AllLinks.
    private sealed record NotForwarding(int Link);
}
