using System.Net;
using System.Net.NetworkInformation;
using System.Runtime.InteropServices;
using Culvert.Interop.Native;

namespace Culvert.Interop.Netlink;

/// <summary>Neighbours.</summary>
public sealed partial class RouteNetlink
{
    /// <summary>Lists the neighbours of a link.</summary>
    /// <param name="interfaceIndex">The link; zero for all.</param>
    /// <returns>IPv4 and IPv6.</returns>
    /// <exception cref="NetlinkException">The kernel refused.</exception>
    public IReadOnlyList<Neighbour> GetNeighbours(int interfaceIndex = 0)
    {
        NetlinkRequest request = NetlinkRequest.Create(Rt.RTM_GETNEIGH, Rt.NLM_F_DUMP, default(Libc.ndmsg));
        return _socket.Dump(request, "list neighbours", (_, body) => ParseNeighbour(body.Span) is { } n && (interfaceIndex == 0 || n.InterfaceIndex == interfaceIndex) ? n : null);
    }

    /// <summary>Sets a neighbour's hardware address for good, in place of what was known.</summary>
    /// <param name="interfaceIndex">The link.</param>
    /// <param name="address">The neighbour's address.</param>
    /// <param name="macAddress">Its hardware address.</param>
    /// <exception cref="NetlinkException">ENODEV when there is no such link.</exception>
    public void SetNeighbour(int interfaceIndex, IPAddress address, PhysicalAddress macAddress)
    {
        ArgumentNullException.ThrowIfNull(macAddress);
        Libc.ndmsg body = new() { ndm_family = Family(address), ndm_ifindex = interfaceIndex, ndm_state = Rt.NUD_PERMANENT };
        _socket.Execute(
            NetlinkRequest.Create(Rt.RTM_NEWNEIGH, Rt.NLM_F_ACK | Rt.NLM_F_CREATE | Rt.NLM_F_REPLACE, body)
                .Add(Rt.NDA_DST, address).Add(Rt.NDA_LLADDR, macAddress.GetAddressBytes()),
            $"set neighbour {address} on link {interfaceIndex} to {macAddress}");
    }

    /// <summary>Forgets a neighbour.</summary>
    /// <param name="interfaceIndex">The link.</param>
    /// <param name="address">The neighbour's address.</param>
    /// <returns>False when it was not known.</returns>
    /// <exception cref="NetlinkException">The kernel refused.</exception>
    public bool DeleteNeighbour(int interfaceIndex, IPAddress address)
    {
        ArgumentNullException.ThrowIfNull(address);
        Libc.ndmsg body = new() { ndm_family = Family(address), ndm_ifindex = interfaceIndex };
        return TryChange(NetlinkRequest.Create(Rt.RTM_DELNEIGH, Rt.NLM_F_ACK, body).Add(Rt.NDA_DST, address), $"delete neighbour {address} on link {interfaceIndex}", Errno.ENOENT, Errno.ENODEV);
    }

    private static Neighbour? ParseNeighbour(ReadOnlySpan<byte> body)
    {
        Libc.ndmsg header = MemoryMarshal.Read<Libc.ndmsg>(body);
        if (header.ndm_family is not (Libc.AF_INET or Libc.AF_INET6)) return null;
        NetlinkAttributes attributes = NetlinkAttributes.After<Libc.ndmsg>(body);
        IPAddress? address = null;
        PhysicalAddress? mac = null;
        while (attributes.Next())
        {
            if (attributes.Type == Rt.NDA_DST) address = attributes.Address;
            else if (attributes.Type == Rt.NDA_LLADDR) mac = new PhysicalAddress(attributes.Value.ToArray());
        }
        return address is null ? null : new Neighbour(header.ndm_ifindex, address, mac, (header.ndm_state & Rt.NUD_PERMANENT) != 0);
    }
}
