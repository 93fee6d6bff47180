using Culvert.Interop.Handles;
using Culvert.Interop.Native;

namespace Culvert.Interop.Netlink;

/// <summary>What this namespace calls others.</summary>
public sealed partial class RouteNetlink
{
    // linux/net_namespace.h and rtnetlink.h
    private const ushort RTM_GETNSID = 90;
    private const ushort NETNSA_NSID = 1;
    private const ushort NETNSA_FD = 3;

    /// <summary>This namespace's id for another one, as links that lead there have it (<see cref="LinkInfo.PeerNamespaceId"/>).</summary>
    /// <param name="network">The other namespace.</param>
    /// <returns>The id; null when no link has needed one yet.</returns>
    /// <exception cref="NetlinkException">The kernel refused.</exception>
    public int? FindNamespaceId(NetworkNamespace network)
    {
        ArgumentNullException.ThrowIfNull(network);
        using DescriptorLease lease = new(network.Handle);
        NetlinkRequest request = NetlinkRequest.Create(RTM_GETNSID, Rt.NLM_F_ACK, default(Libc.rtgenmsg)).Add(NETNSA_FD, lease.Descriptor);
        int? id = null;
        _socket.Execute(request, "ask for a namespace's id", (_, body) =>
        {
            NetlinkAttributes attributes = NetlinkAttributes.After<Libc.rtgenmsg>(body);
            while (attributes.Next())
            {
                if (attributes.Type == NETNSA_NSID && attributes.Int32 >= 0) id = attributes.Int32;
            }
        });
        return id;
    }
}
