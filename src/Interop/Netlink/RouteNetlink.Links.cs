using System.Net.NetworkInformation;
using System.Runtime.InteropServices;
using Culvert.Interop.Handles;
using Culvert.Interop.Native;

namespace Culvert.Interop.Netlink;

/// <summary>Links.</summary>
public sealed partial class RouteNetlink
{
    private const ushort CreateOnly = Rt.NLM_F_ACK | Rt.NLM_F_CREATE | Rt.NLM_F_EXCL;

    /// <summary>Lists all links.</summary>
    /// <returns>By index.</returns>
    /// <exception cref="NetlinkException">The kernel refused.</exception>
    public IReadOnlyList<LinkInfo> GetLinks()
        => _socket.Dump(NetlinkRequest.Create(Rt.RTM_GETLINK, Rt.NLM_F_DUMP, default(Libc.ifinfomsg)), "list links", (_, body) => ParseLink(body.Span));

    /// <summary>Looks for a link by name.</summary>
    /// <param name="name">Its name.</param>
    /// <returns>The link, or null.</returns>
    /// <exception cref="NetlinkException">The kernel refused.</exception>
    public LinkInfo? FindLink(string name)
    {
        CheckName(name);
        return FindLink(NetlinkRequest.Create(Rt.RTM_GETLINK, Rt.NLM_F_ACK, default(Libc.ifinfomsg)).Add(Rt.IFLA_IFNAME, name), $"look up link '{name}'");
    }

    /// <summary>Looks for a link by index.</summary>
    /// <param name="index">Its index.</param>
    /// <returns>The link, or null.</returns>
    /// <exception cref="NetlinkException">The kernel refused.</exception>
    public LinkInfo? FindLink(int index)
        => FindLink(NetlinkRequest.Create(Rt.RTM_GETLINK, Rt.NLM_F_ACK, new Libc.ifinfomsg { ifi_index = index }), $"look up link {index}");

    /// <summary>A link by name.</summary>
    /// <param name="name">Its name.</param>
    /// <returns>The link.</returns>
    /// <exception cref="NetlinkException">ENODEV when there is none.</exception>
    public LinkInfo GetLink(string name) => FindLink(name) ?? throw new NetlinkException($"look up link '{name}'", Errno.ENODEV);

    /// <summary>Makes a veth pair.</summary>
    /// <param name="options">What it is to be.</param>
    /// <returns>The near end.</returns>
    /// <exception cref="NetlinkException">EEXIST when a name is taken.</exception>
    public LinkInfo CreateVeth(VethOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        CheckName(options.Name);
        CheckName(options.PeerName);
        // Its own copy, so that nobody closes it while the kernel reads its number.
        using FileDescriptorHandle? peerNamespace = options.PeerNamespace is { } network ? FileDescriptorHandle.Duplicate(network.Handle) : null;
        NetlinkRequest request = NetlinkRequest.Create(Rt.RTM_NEWLINK, CreateOnly, default(Libc.ifinfomsg));
        AddLink(request, options.Name, options.Mtu, options.MacAddress);
        request.Nest(Rt.IFLA_LINKINFO, info => info
            .Add(Rt.IFLA_INFO_KIND, "veth")
            .Nest(Rt.IFLA_INFO_DATA, data => data.Nest(Rt.VETH_INFO_PEER, peer =>
            {
                AddLink(peer.Raw(default(Libc.ifinfomsg)), options.PeerName, options.Mtu, options.PeerMacAddress);
                if (peerNamespace is not null) peer.Add(Rt.IFLA_NET_NS_FD, peerNamespace.Descriptor);
            })));
        _socket.Execute(request, $"create veth pair '{options.Name}' and '{options.PeerName}'");
        if (options.Up)
        {
            // Not in the request itself: the kernel refuses to open an end whose other end is not there yet.
            SetUp(GetLink(options.Name).Index);
            using RouteNetlink? far = options.PeerNamespace is null ? null : Open(options.PeerNamespace);
            (far ?? this).SetUp((far ?? this).GetLink(options.PeerName).Index);
        }
        return GetLink(options.Name);
    }

    /// <summary>Makes a link that needs no more than a kind, for example a bridge.</summary>
    /// <param name="name">Its name, 15 characters at most.</param>
    /// <param name="kind">For example "bridge".</param>
    /// <returns>The link.</returns>
    /// <exception cref="NetlinkException">EEXIST when the name is taken, EOPNOTSUPP when the kernel lacks the kind.</exception>
    public LinkInfo CreateLink(string name, string kind)
    {
        CheckName(name);
        NetlinkRequest request = NetlinkRequest.Create(Rt.RTM_NEWLINK, CreateOnly, default(Libc.ifinfomsg)).Add(Rt.IFLA_IFNAME, name)
            .Nest(Rt.IFLA_LINKINFO, info => info.Add(Rt.IFLA_INFO_KIND, kind));
        _socket.Execute(request, $"create {kind} '{name}'");
        return GetLink(name);
    }

    /// <summary>Removes a link; of a veth pair both ends go.</summary>
    /// <param name="index">Its index.</param>
    /// <returns>False when there was none.</returns>
    /// <exception cref="NetlinkException">The kernel refused.</exception>
    public bool DeleteLink(int index)
        => TryChange(NetlinkRequest.Create(Rt.RTM_DELLINK, Rt.NLM_F_ACK, new Libc.ifinfomsg { ifi_index = index }), $"delete link {index}", Errno.ENODEV);

    /// <summary>Sets a link up or down.</summary>
    /// <param name="index">Its index.</param>
    /// <param name="up">True for up.</param>
    /// <exception cref="NetlinkException">ENODEV when there is none.</exception>
    public void SetUp(int index, bool up = true)
    {
        Libc.ifinfomsg body = new() { ifi_index = index, ifi_flags = up ? Rt.IFF_UP : 0, ifi_change = Rt.IFF_UP };
        _socket.Execute(NetlinkRequest.Create(Rt.RTM_NEWLINK, Rt.NLM_F_ACK, body), $"set link {index} {(up ? "up" : "down")}");
    }

    /// <summary>Sets the MTU.</summary>
    /// <param name="index">The link.</param>
    /// <param name="mtu">Bytes.</param>
    /// <exception cref="NetlinkException">EINVAL when the device cannot have it.</exception>
    public void SetMtu(int index, int mtu) => Change(index, r => r.Add(Rt.IFLA_MTU, mtu), $"set the MTU of link {index} to {mtu}");

    /// <summary>Sets the hardware address.</summary>
    /// <param name="index">The link.</param>
    /// <param name="address">Six bytes.</param>
    /// <exception cref="NetlinkException">The device cannot have it.</exception>
    public void SetMacAddress(int index, PhysicalAddress address)
    {
        ArgumentNullException.ThrowIfNull(address);
        Change(index, r => r.Add(Rt.IFLA_ADDRESS, address.GetAddressBytes()), $"set the address of link {index} to {address}");
    }

    /// <summary>Renames a link.</summary>
    /// <param name="index">The link.</param>
    /// <param name="name">15 characters at most.</param>
    /// <exception cref="NetlinkException">EEXIST when the name is taken.</exception>
    public void SetName(int index, string name)
    {
        CheckName(name);
        Change(index, r => r.Add(Rt.IFLA_IFNAME, name), $"rename link {index} to '{name}'");
    }

    /// <summary>Makes a link a port of a bridge, or of none.</summary>
    /// <param name="index">The link.</param>
    /// <param name="master">The bridge; zero for none.</param>
    /// <exception cref="NetlinkException">The kernel refused.</exception>
    public void SetMaster(int index, int master) => Change(index, r => r.Add(Rt.IFLA_MASTER, master), $"make link {index} a port of {master}");

    /// <summary>Moves a link to another namespace; it comes down and loses its addresses.</summary>
    /// <param name="index">The link.</param>
    /// <param name="network">Where to.</param>
    /// <exception cref="NetlinkException">EEXIST when the name is taken there.</exception>
    public void SetNamespace(int index, NetworkNamespace network)
    {
        ArgumentNullException.ThrowIfNull(network);
        using FileDescriptorHandle target = FileDescriptorHandle.Duplicate(network.Handle);
        Change(index, r => r.Add(Rt.IFLA_NET_NS_FD, target.Descriptor), $"move link {index} to {network.Description}");
    }

    internal static LinkInfo ParseLink(ReadOnlySpan<byte> body)
    {
        Libc.ifinfomsg header = MemoryMarshal.Read<Libc.ifinfomsg>(body);
        NetlinkAttributes attributes = NetlinkAttributes.After<Libc.ifinfomsg>(body);
        string name = "";
        string? kind = null;
        int mtu = 0, peer = 0, master = 0;
        int? peerNamespace = null;
        PhysicalAddress? mac = null;
        uint? xdp = null;
        bool withoutIPv6 = true; // as one that is too small for it (MTU below 1280), of which nothing is told
        while (attributes.Next())
        {
            switch (attributes.Type)
            {
                case Rt.IFLA_IFNAME: name = attributes.Text; break;
                case Rt.IFLA_MTU: mtu = attributes.Int32; break;
                case Rt.IFLA_LINK: peer = attributes.Int32; break;
                case Rt.IFLA_LINK_NETNSID: peerNamespace = attributes.Int32; break;
                case Rt.IFLA_MASTER: master = attributes.Int32; break;
                case Rt.IFLA_ADDRESS when attributes.Value.Length > 0: mac = new PhysicalAddress(attributes.Value.ToArray()); break;
                case Rt.IFLA_AF_SPEC: withoutIPv6 = IsIPv6Disabled(attributes.Value); break;
                case Rt.IFLA_LINKINFO: kind = ParseKind(attributes.Value); break;
                case Rt.IFLA_XDP: xdp = ParseXdp(attributes.Value); break;
                default: break;
            }
        }
        bool up = (header.ifi_flags & Rt.IFF_UP) != 0;
        return new LinkInfo(header.ifi_index, name, kind, mtu, mac, up, (header.ifi_flags & Rt.IFF_LOWER_UP) != 0, peer, peerNamespace, master) { IsWithoutIPv6 = withoutIPv6, XdpProgramId = xdp };
    }

    private static uint? ParseXdp(ReadOnlySpan<byte> of)
    {
        NetlinkAttributes attributes = new(of);
        while (attributes.Next())
        {
            if (attributes.Type == Rt.IFLA_XDP_PROG_ID) return (uint)attributes.Int32;
        }
        return null;
    }

    // The settings are an array of 32-bit numbers (ipv6_devconf).
    private static bool IsIPv6Disabled(ReadOnlySpan<byte> families)
    {
        NetlinkAttributes attributes = new(families);
        while (attributes.Next())
        {
            if (attributes.Type != Libc.AF_INET6) continue;
            NetlinkAttributes of6 = new(attributes.Value);
            while (of6.Next())
            {
                if (of6.Type == Rt.IFLA_INET6_CONF && MemoryMarshal.Cast<byte, int>(of6.Value) is var settings && settings.Length > Rt.DEVCONF_DISABLE_IPV6) return settings[Rt.DEVCONF_DISABLE_IPV6] != 0;
            }
        }
        return true;
    }

    private static string? ParseKind(ReadOnlySpan<byte> info)
    {
        NetlinkAttributes attributes = new(info);
        while (attributes.Next())
        {
            if (attributes.Type == Rt.IFLA_INFO_KIND) return attributes.Text;
        }
        return null;
    }

    private LinkInfo? FindLink(NetlinkRequest request, string operation)
    {
        LinkInfo? found = null;
        int errno = _socket.TryExecute(request, operation, out string? detail, (_, body) => found = ParseLink(body));
        return errno is 0 or Errno.ENODEV ? found : throw new NetlinkException(operation, errno, detail);
    }

    private void Change(int index, Action<NetlinkRequest> attributes, string operation)
    {
        NetlinkRequest request = NetlinkRequest.Create(Rt.RTM_NEWLINK, Rt.NLM_F_ACK, new Libc.ifinfomsg { ifi_index = index });
        attributes(request);
        _socket.Execute(request, operation);
    }

    private static void AddLink(NetlinkRequest request, string name, int? mtu, PhysicalAddress? address)
    {
        request.Add(Rt.IFLA_IFNAME, name).AddIf(Rt.IFLA_MTU, mtu);
        if (address is not null) request.Add(Rt.IFLA_ADDRESS, address.GetAddressBytes());
    }

    private static void CheckName(string name)
    {
        if (name is null || name.Length is 0 or >= Rt.IFNAMSIZ) throw new ArgumentException($"'{name}' is no link name: it must have 1 to {Rt.IFNAMSIZ - 1} characters");
    }
}
