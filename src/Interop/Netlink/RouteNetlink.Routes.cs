using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using Culvert.Interop.Native;

namespace Culvert.Interop.Netlink;

/// <summary>Routes.</summary>
public sealed partial class RouteNetlink
{
    /// <summary>Lists routes of both families; cached exceptions and routes with several next hops' details are left out.</summary>
    /// <param name="table">The table; zero for all.</param>
    /// <returns>The routes.</returns>
    /// <exception cref="NetlinkException">The kernel refused.</exception>
    public IReadOnlyList<IpRoute> GetRoutes(int table = IpRoute.MainTable)
    {
        NetlinkRequest request = NetlinkRequest.Create(Rt.RTM_GETROUTE, Rt.NLM_F_DUMP, default(Libc.rtmsg));
        return _socket.Dump(request, "list routes", (_, body) => ParseRoute(body.Span) is { } r && (table == 0 || r.Table == table) ? r : null);
    }

    /// <summary>The link that packets of this node to an address leave by, with every table and rule; lo for the node's own.</summary>
    /// <param name="destination">The address.</param>
    /// <returns>Its index; 0 when there is no way.</returns>
    /// <exception cref="NetlinkException">The kernel refused.</exception>
    public int FindOutputLink(IPAddress destination)
    {
        ArgumentNullException.ThrowIfNull(destination);
        NetlinkRequest request = NetlinkRequest.Create(Rt.RTM_GETROUTE, Rt.NLM_F_ACK, new Libc.rtmsg { rtm_family = Family(destination), rtm_dst_len = Length(destination) }).Add(Rt.RTA_DST, destination);
        return FindRoutedLink(request, $"look up the route to {destination}");
    }

    /// <summary>The link that a packet is forwarded by which came in by another, with every table and rule.</summary>
    /// <param name="source">Where it is from.</param>
    /// <param name="destination">Where it is to.</param>
    /// <param name="inputLink">The link it came in by.</param>
    /// <returns>Its index; 0 when there is no way, the input link is gone, or the kernel takes no such packet there (RFC 3704).</returns>
    /// <exception cref="NetlinkException">The kernel refused.</exception>
    public int FindForwardLink(IPAddress source, IPAddress destination, int inputLink)
    {
        ArgumentNullException.ThrowIfNull(source);
        ArgumentNullException.ThrowIfNull(destination);
        Libc.rtmsg header = new() { rtm_family = Family(destination), rtm_dst_len = Length(destination), rtm_src_len = Length(source) };
        NetlinkRequest request = NetlinkRequest.Create(Rt.RTM_GETROUTE, Rt.NLM_F_ACK, header).Add(Rt.RTA_DST, destination).Add(Rt.RTA_SRC, source).Add(Rt.RTA_IIF, inputLink);
        return FindRoutedLink(request, $"look up the route from {source} to {destination}");
    }

    private static byte Length(IPAddress address) => (byte)(address.AddressFamily == AddressFamily.InterNetwork ? 32 : 128);

    private int FindRoutedLink(NetlinkRequest request, string operation)
    {
        int link = 0;
        int errno = _socket.TryExecute(request, operation, out string? detail, (_, body) =>
        {
            NetlinkAttributes attributes = NetlinkAttributes.After<Libc.rtmsg>(body);
            while (attributes.Next())
            {
                if (attributes.Type == Rt.RTA_OIF) link = attributes.Int32;
            }
        });
        return errno switch
        {
            0 => link,
            Errno.ENETUNREACH or Errno.EHOSTUNREACH or Errno.EXDEV or Errno.ENODEV or Errno.EINVAL or Errno.EACCES => 0,
            _ => throw new NetlinkException(operation, errno, detail),
        };
    }

    /// <summary>Adds a route unless the very one is there.</summary>
    /// <param name="route">The route.</param>
    /// <returns>False when there is one to that destination with that priority.</returns>
    /// <exception cref="NetlinkException">The kernel refused, for example ENETUNREACH for a gateway out of reach.</exception>
    public bool AddRoute(IpRoute route) => TryChange(Request(Rt.RTM_NEWROUTE, CreateOnly, route), $"add route {route}", Errno.EEXIST);

    /// <summary>Adds a route in place of another to the same destination with the same priority.</summary>
    /// <param name="route">The route.</param>
    /// <exception cref="NetlinkException">The kernel refused.</exception>
    public void ReplaceRoute(IpRoute route)
        => _socket.Execute(Request(Rt.RTM_NEWROUTE, Rt.NLM_F_ACK | Rt.NLM_F_CREATE | Rt.NLM_F_REPLACE, route), $"replace route {route}");

    /// <summary>Removes a route.</summary>
    /// <param name="route">The route.</param>
    /// <returns>False when there was none.</returns>
    /// <exception cref="NetlinkException">The kernel refused.</exception>
    public bool DeleteRoute(IpRoute route)
        => TryChange(Request(Rt.RTM_DELROUTE, Rt.NLM_F_ACK, route), $"delete route {route}", Errno.ESRCH, Errno.ENOENT, Errno.ENODEV);

    internal static IpRoute? ParseRoute(ReadOnlySpan<byte> body)
    {
        Libc.rtmsg header = MemoryMarshal.Read<Libc.rtmsg>(body);
        if (Family(header.rtm_family) is not (AddressFamily.InterNetwork or AddressFamily.InterNetworkV6) || (header.rtm_flags & Rt.RTM_F_CLONED) != 0) return null;
        NetlinkAttributes attributes = NetlinkAttributes.After<Libc.rtmsg>(body);
        IPAddress destination = header.rtm_family == Libc.AF_INET ? IPAddress.Any : IPAddress.IPv6Any;
        IPAddress? gateway = null, source = null;
        bool encapsulates = false;
        int table = header.rtm_table, link = 0;
        int? priority = null, mtu = null;
        while (attributes.Next())
        {
            switch (attributes.Type)
            {
                case Rt.RTA_DST: destination = attributes.Address; break;
                case Rt.RTA_OIF: link = attributes.Int32; break;
                case Rt.RTA_GATEWAY: gateway = attributes.Address; break;
                case Rt.RTA_VIA: gateway = new IPAddress(attributes.Value[sizeof(ushort)..]); break;
                case Rt.RTA_PREFSRC: source = attributes.Address; break;
                case Rt.RTA_PRIORITY: priority = attributes.Int32; break;
                case Rt.RTA_TABLE: table = attributes.Int32; break;
                case Rt.RTA_ENCAP_TYPE: encapsulates = true; break;
                case Rt.RTA_METRICS: mtu = ParseMtu(attributes.Value); break;
                default: break;
            }
        }
        return new IpRoute
        {
            Destination = new IPNetwork(destination, header.rtm_dst_len),
            Type = (RouteType)header.rtm_type,
            Table = table,
            InterfaceIndex = link,
            Gateway = gateway,
            OnLink = (header.rtm_flags & Rt.RTNH_F_ONLINK) != 0,
            PreferredSource = source,
            Priority = priority,
            Mtu = mtu,
            Protocol = header.rtm_protocol,
            IsConditional = header.rtm_src_len != 0 || header.rtm_tos != 0,
            Encapsulates = encapsulates,
        };
    }

    private static int? ParseMtu(ReadOnlySpan<byte> metrics)
    {
        NetlinkAttributes attributes = new(metrics);
        while (attributes.Next())
        {
            if (attributes.Type == Rt.RTAX_MTU) return attributes.Int32;
        }
        return null;
    }

    private static NetlinkRequest Request(ushort type, ushort flags, IpRoute route)
    {
        ArgumentNullException.ThrowIfNull(route);
        IPAddress destination = route.Destination.BaseAddress;
        bool delete = type == Rt.RTM_DELROUTE;
        Libc.rtmsg body = new()
        {
            rtm_family = Family(destination),
            rtm_dst_len = (byte)route.Destination.PrefixLength,
            rtm_table = route.Table < 256 ? (byte)route.Table : Rt.RT_TABLE_COMPAT,
            rtm_protocol = delete ? (byte)0 : route.Protocol,
            rtm_type = (byte)route.Type,
            rtm_flags = route.OnLink ? Rt.RTNH_F_ONLINK : 0,
            // Nowhere means any scope when deleting, as ip-route(8) does.
            rtm_scope = delete ? Rt.RT_SCOPE_NOWHERE
                : route.Type == RouteType.Local ? Rt.RT_SCOPE_HOST
                : route.Type == RouteType.Unicast && route.Gateway is null ? Rt.RT_SCOPE_LINK
                : Rt.RT_SCOPE_UNIVERSE,
        };
        NetlinkRequest request = NetlinkRequest.Create(type, flags, body).Add(Rt.RTA_TABLE, route.Table);
        if (route.Destination.PrefixLength > 0) request.Add(Rt.RTA_DST, destination);
        if (route.InterfaceIndex != 0) request.Add(Rt.RTA_OIF, route.InterfaceIndex);
        if (route.Gateway is { } gateway)
        {
            if (gateway.AddressFamily == destination.AddressFamily) request.Add(Rt.RTA_GATEWAY, gateway);
            else request.Add(Rt.RTA_VIA, [Family(gateway), 0, .. gateway.GetAddressBytes()]);
        }
        if (route.PreferredSource is { } source) request.Add(Rt.RTA_PREFSRC, source);
        if (route.Mtu is { } mtu) request.Nest(Rt.RTA_METRICS, metrics => metrics.Add(Rt.RTAX_MTU, mtu));
        return request.AddIf(Rt.RTA_PRIORITY, route.Priority);
    }
}
