using System.Net;
using System.Runtime.InteropServices;
using Culvert.Interop.Native;

namespace Culvert.Interop.Netlink;

/// <summary>Reads the IPsec policies (ip-xfrm(8)) of the calling thread's network namespace, whoever put them there.</summary>
public static class XfrmPolicies
{
    /// <summary>Lists those that forwarded packets meet, and what blocks by default; those of single sockets and for the node's own packets are left out.</summary>
    /// <returns>The policies; none where the kernel has no IPsec.</returns>
    /// <exception cref="NetlinkException">The kernel refused.</exception>
    public static IReadOnlyList<XfrmPolicy> List()
    {
        NetlinkSocket socket;
        try
        {
            socket = new NetlinkSocket(groups: 0, Libc.NETLINK_XFRM);
        }
        catch (NetlinkException e) when (e.Errno == Errno.EPROTONOSUPPORT)
        {
            return [];
        }
        using (socket)
        {
            NetlinkRequest request = NetlinkRequest.Create(Libc.XFRM_MSG_GETPOLICY, Rt.NLM_F_DUMP, default(Libc.xfrm_userpolicy_id));
            return [.. ListDefaults(socket), .. socket.Dump(request, "list IPsec policies", (type, body) => type == Libc.XFRM_MSG_NEWPOLICY ? Parse(body.Span) : null)];
        }
    }

    private static XfrmPolicy? Parse(ReadOnlySpan<byte> body)
    {
        Libc.xfrm_userpolicy_info policy = MemoryMarshal.Read<Libc.xfrm_userpolicy_info>(body);
        if (NameOf(policy.dir) is not { } direction) return null;
        return new XfrmPolicy(direction, Text(policy.saddr, policy.family, policy.prefixlen_s), Text(policy.daddr, policy.family, policy.prefixlen_d), policy.priority, policy.action == Libc.XFRM_POLICY_BLOCK);
    }

    // Kernels before 5.14 let everything go on that no policy is for, and know no such question.
    private static List<XfrmPolicy> ListDefaults(NetlinkSocket socket)
    {
        const string Operation = "ask for the IPsec policy by default";
        List<XfrmPolicy> found = [];
        int errno = socket.TryExecute(NetlinkRequest.Create(Libc.XFRM_MSG_GETDEFAULT, Rt.NLM_F_ACK, default(Libc.xfrm_userpolicy_default)), Operation, out string? detail, (type, body) =>
        {
            if (type != Libc.XFRM_MSG_GETDEFAULT) return;
            Libc.xfrm_userpolicy_default blocks = MemoryMarshal.Read<Libc.xfrm_userpolicy_default>(body);
            if (blocks.fwd == Libc.XFRM_USERPOLICY_BLOCK) found.Add(new XfrmPolicy("fwd", null, null, 0, true));
            if (blocks.@out == Libc.XFRM_USERPOLICY_BLOCK) found.Add(new XfrmPolicy("out", null, null, 0, true));
        });
        return errno is 0 or Errno.EINVAL ? found : throw new NetlinkException(Operation, errno, detail);
    }

    // Those of sockets have numbers beyond these.
    private static string? NameOf(byte direction) => direction switch
    {
        Libc.XFRM_POLICY_OUT => "out",
        Libc.XFRM_POLICY_FWD => "fwd",
        _ => null,
    };

    // In the order of the network, whatever its family; a policy for any family has none.
    private static string Text(UInt128 address, ushort family, byte length)
    {
        ReadOnlySpan<byte> bytes = MemoryMarshal.AsBytes(new ReadOnlySpan<UInt128>(in address));
        return family switch
        {
            Libc.AF_INET => $"{new IPAddress(bytes[..4])}/{length}",
            Libc.AF_INET6 => $"{new IPAddress(bytes)}/{length}",
            _ => "anywhere",
        };
    }
}
