using System.Runtime.InteropServices;
using Culvert.Interop.Bpf;
using Culvert.Interop.Native;

namespace Culvert.Interop.Netlink;

/// <summary>Traffic control.</summary>
public sealed partial class RouteNetlink
{
    /// <summary>Lists the queueing disciplines of all links; those that the kernel gives by itself (noqueue) are not all among them.</summary>
    /// <returns>In no order that means anything.</returns>
    /// <exception cref="NetlinkException">The kernel refused.</exception>
    public IReadOnlyList<Qdisc> GetQdiscs() => _socket.Dump(NetlinkRequest.Create(Rt.RTM_GETQDISC, Rt.NLM_F_DUMP, default(Libc.tcmsg)), "list qdiscs", (_, body) => ParseQdisc(body.Span));

    /// <summary>Lists the filters that packets of a link meet in one direction, where it has clsact or ingress.</summary>
    /// <param name="interfaceIndex">The link.</param>
    /// <param name="direction">Which packets.</param>
    /// <returns>In the order in which they run; none without such a qdisc.</returns>
    /// <exception cref="NetlinkException">The kernel refused.</exception>
    public IReadOnlyList<TrafficFilter> GetFilters(int interfaceIndex, TcDirection direction)
    {
        Libc.tcmsg body = new() { tcm_ifindex = interfaceIndex, tcm_parent = (Rt.TC_H_CLSACT & Rt.TC_H_MAJ_MASK) | (direction == TcDirection.Ingress ? Rt.TC_H_MIN_INGRESS : Rt.TC_H_MIN_EGRESS) };
        return _socket.Dump(NetlinkRequest.Create(Rt.RTM_GETTFILTER, Rt.NLM_F_DUMP, body), $"list filters of interface {interfaceIndex}", (_, answer) => ParseFilter(answer.Span));
    }

    private static Qdisc? ParseQdisc(ReadOnlySpan<byte> body)
    {
        Libc.tcmsg header = MemoryMarshal.Read<Libc.tcmsg>(body);
        NetlinkAttributes attributes = NetlinkAttributes.After<Libc.tcmsg>(body);
        while (attributes.Next())
        {
            if (attributes.Type == Rt.TCA_KIND) return new Qdisc(header.tcm_ifindex, attributes.Text, header.tcm_parent);
        }
        return null;
    }

    private static TrafficFilter? ParseFilter(ReadOnlySpan<byte> body)
    {
        Libc.tcmsg header = MemoryMarshal.Read<Libc.tcmsg>(body);
        NetlinkAttributes attributes = NetlinkAttributes.After<Libc.tcmsg>(body);
        string kind = "";
        uint? program = null;
        while (attributes.Next())
        {
            if (attributes.Type == Rt.TCA_KIND) kind = attributes.Text;
            else if (attributes.Type == Rt.TCA_OPTIONS && kind == "bpf") program = ProgramOf(attributes.Value);
        }
        return new TrafficFilter(kind, (int)(header.tcm_info >> 16), header.tcm_handle, program);
    }

    private static uint? ProgramOf(ReadOnlySpan<byte> options)
    {
        NetlinkAttributes attributes = new(options);
        while (attributes.Next())
        {
            if (attributes.Type == Rt.TCA_BPF_ID) return attributes.UInt32;
        }
        return null;
    }
}
