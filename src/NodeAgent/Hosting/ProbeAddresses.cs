using System.Net;
using System.Net.Sockets;
using Culvert.Interop.Netlink;
using Culvert.NodeAgent.Datapath;

namespace Culvert.NodeAgent.Hosting;

/// <summary>Where metrics and readiness are served when nothing is said: never at all addresses, as some lead to pods only.</summary>
internal static class ProbeAddresses
{
    /// <summary>
    /// What is given; else 127.0.0.1 and the addresses of the uplinks, as they are now: IPv4 ones, or where a node has none, IPv6 ones that are not link-local.
    /// </summary>
    internal static IReadOnlyList<IPEndPoint> Of(IPEndPoint? given, int port, IReadOnlyList<string> uplinks, RouteNetlink netlink)
    {
        if (given is not null) return [given];
        KernelLinks links = new(netlink);
        IEnumerable<LinkState> outward = uplinks.Count == 0 ? links.FindUplinks(new HashSet<string>(), [], []) : uplinks.Select(links.FindByName).OfType<LinkState>();
        IPAddress[] all = [.. outward.SelectMany(l => netlink.GetAddresses(l.Index)).Select(a => a.Address).Where(a => !a.IsIPv6LinkLocal && !IPAddress.IsLoopback(a)).Distinct()];
        IPAddress[] four = [.. all.Where(a => a.AddressFamily == AddressFamily.InterNetwork)];
        return [.. (four.Length > 0 ? four : all).Prepend(IPAddress.Loopback).Select(a => new IPEndPoint(a, port))];
    }
}
