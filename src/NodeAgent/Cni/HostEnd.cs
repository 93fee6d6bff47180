using System.Net.NetworkInformation;
using Culvert.Cni;
using Culvert.Interop;
using Culvert.Interop.Netlink;

namespace Culvert.NodeAgent.Cni;

/// <summary>Finds the host's end of the link of a pod among what the plugins before have made.</summary>
internal static class HostEnd
{
    /// <summary>Its name; null where none of them is the node's end of a veth, or several could be.</summary>
    internal static string? Find(CniRequest request)
    {
        string[] names = [.. request.Interfaces.Where(i => string.IsNullOrEmpty(i.Sandbox)).Select(i => i.Name)];
        if (names.Length == 0) return null;
        PhysicalAddress? inside = request.Interfaces.FirstOrDefault(i => !string.IsNullOrEmpty(i.Sandbox) && i.Name == request.Interface)?.Mac is { } mac && PhysicalAddress.TryParse(mac.Replace(':', '-').ToUpperInvariant(), out PhysicalAddress? parsed) ? parsed : null;
        using RouteNetlink netlink = RouteNetlink.Open();
        LinkInfo[] ends = [.. netlink.GetLinks().Where(l => l.Kind == "veth" && l.PeerNamespaceId is not null && names.Contains(l.Name, StringComparer.Ordinal) && (inside is null || IsPeer(netlink, l, inside)))];
        return ends.Length == 1 ? ends[0].Name : null;
    }

    private static bool IsPeer(RouteNetlink netlink, LinkInfo link, PhysicalAddress mac)
    {
        try
        {
            return mac.Equals(netlink.FindPeer(link)?.MacAddress);
        }
        catch (NetlinkException e) when (e.Errno == Errno.EINVAL)
        {
            return false; // its namespace has gone since the links were listed
        }
    }
}
