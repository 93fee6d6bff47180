using System.Net;
using System.Runtime.InteropServices;
using Culvert.Interop.Native;

namespace Culvert.Interop.Netlink;

/// <summary>Addresses.</summary>
public sealed partial class RouteNetlink
{
    /// <summary>Lists the addresses of all links or one.</summary>
    /// <param name="interfaceIndex">The link; zero for all.</param>
    /// <returns>IPv4 and IPv6.</returns>
    /// <exception cref="NetlinkException">The kernel refused.</exception>
    public IReadOnlyList<LinkAddress> GetAddresses(int interfaceIndex = 0)
    {
        NetlinkRequest request = NetlinkRequest.Create(Rt.RTM_GETADDR, Rt.NLM_F_DUMP, default(Libc.ifaddrmsg));
        return _socket.Dump(request, "list addresses", (_, body) => ParseAddress(body.Span) is { } a && (interfaceIndex == 0 || a.InterfaceIndex == interfaceIndex) ? a : null);
    }

    /// <summary>Adds an address unless it is there.</summary>
    /// <param name="address">The address.</param>
    /// <returns>False when it was there.</returns>
    /// <exception cref="NetlinkException">ENODEV when there is no such link.</exception>
    public bool AddAddress(LinkAddress address)
    {
        NetlinkRequest request = Request(Rt.RTM_NEWADDR, CreateOnly, address).Add(Rt.IFA_FLAGS, address.NoDad ? Rt.IFA_F_NODAD : 0u);
        return TryChange(request, $"add address {address.Address}/{address.PrefixLength} to link {address.InterfaceIndex}", Errno.EEXIST);
    }

    /// <summary>Removes an address.</summary>
    /// <param name="address">The address.</param>
    /// <returns>False when it was not there.</returns>
    /// <exception cref="NetlinkException">The kernel refused.</exception>
    public bool DeleteAddress(LinkAddress address) => TryChange(
        Request(Rt.RTM_DELADDR, Rt.NLM_F_ACK, address),
        $"delete address {address.Address}/{address.PrefixLength} from link {address.InterfaceIndex}", Errno.EADDRNOTAVAIL, Errno.ENODEV);

    internal static LinkAddress? ParseAddress(ReadOnlySpan<byte> body)
    {
        Libc.ifaddrmsg header = MemoryMarshal.Read<Libc.ifaddrmsg>(body);
        NetlinkAttributes attributes = NetlinkAttributes.After<Libc.ifaddrmsg>(body);
        IPAddress? local = null, address = null;
        uint flags = header.ifa_flags;
        while (attributes.Next())
        {
            switch (attributes.Type)
            {
                case Rt.IFA_LOCAL: local = attributes.Address; break;
                case Rt.IFA_ADDRESS: address = attributes.Address; break;
                case Rt.IFA_FLAGS: flags = attributes.UInt32; break;
                default: break;
            }
        }
        // On point-to-point links IFA_ADDRESS is the other end's.
        return (local ?? address) is { } own ? new LinkAddress((int)header.ifa_index, own, header.ifa_prefixlen, (flags & Rt.IFA_F_NODAD) != 0) : null;
    }

    private static NetlinkRequest Request(ushort type, ushort flags, LinkAddress address)
    {
        ArgumentNullException.ThrowIfNull(address);
        Libc.ifaddrmsg body = new() { ifa_family = Family(address.Address), ifa_prefixlen = (byte)address.PrefixLength, ifa_index = (uint)address.InterfaceIndex };
        return NetlinkRequest.Create(type, flags, body).Add(Rt.IFA_LOCAL, address.Address).Add(Rt.IFA_ADDRESS, address.Address);
    }
}
