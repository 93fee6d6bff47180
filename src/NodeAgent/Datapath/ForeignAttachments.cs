using Culvert.Interop;
using Culvert.Interop.Bpf;
using Culvert.Interop.Netlink;

namespace Culvert.NodeAgent.Datapath;

/// <summary>Finds what others have put at a link that a redirect would pass by: programs, filters and shaping. One look; not thread-safe.</summary>
internal sealed class ForeignAttachments(RouteNetlink netlink)
{
    // Those that hand on all they get, in order or fairly.
    private static readonly string[] HarmlessQdiscs = ["noqueue", "pfifo", "bfifo", "pfifo_fast", "fq", "fq_codel", "codel", "mq", "sfq", "clsact", "ingress"];
    private static readonly string[] FilterQdiscs = ["clsact", "ingress"];
    private static readonly string[] OwnPrograms = ["cv_from_pod", "cv_to_pod", "cv_from_net"];
    private ILookup<int, Qdisc>? _qdiscs;

    /// <summary>What is at a link, for people; null when there is nothing. What can't be read counts as something.</summary>
    internal string? Find(int index)
    {
        try
        {
            _qdiscs ??= netlink.GetQdiscs().ToLookup(q => q.InterfaceIndex);
            if (_qdiscs[index].FirstOrDefault(q => !HarmlessQdiscs.Contains(q.Kind)) is { } shaping) return $"the qdisc {shaping.Kind}";
            bool filters = _qdiscs[index].Any(q => FilterQdiscs.Contains(q.Kind));
            foreach (TcDirection direction in (TcDirection[])[TcDirection.Ingress, TcDirection.Egress])
            {
                string way = direction == TcDirection.Ingress ? "ingress" : "egress";
                if (filters && netlink.GetFilters(index, direction).FirstOrDefault(f => f.Handle != 0 && !(f.ProgramId is { } id && IsOwn(id))) is { } filter) return $"a {filter.Kind} filter of others at {way}";
                if (Programs(index, direction).Any(p => !IsOwn(p.ProgramId))) return $"a TCX program of others at {way}";
            }
            return null;
        }
        catch (KernelException e) when (e.Errno == Errno.ENODEV)
        {
            return null; // it has gone, and its pod with it
        }
        catch (KernelException e)
        {
            return $"what can't be read: {e.Message}";
        }
    }

    private static IReadOnlyList<TcxAttachment> Programs(int index, TcDirection direction)
    {
        try
        {
            return BpfLink.QueryTcx(index, direction);
        }
        catch (BpfException e) when (e.Errno == Errno.EINVAL)
        {
            return []; // a kernel without TCX
        }
    }

    private static bool IsOwn(uint id)
    {
        try
        {
            using BpfProgram program = BpfProgram.FromId(id);
            return OwnPrograms.Contains(program.Name);
        }
        catch (BpfException e) when (e.Errno == Errno.ENOENT)
        {
            return true; // it has gone since it was listed
        }
    }
}
