using Culvert.Interop;
using Culvert.Interop.Bpf;
using Culvert.Interop.Netlink;

namespace Culvert.NodeAgent.Datapath;

/// <summary>Finds what others have put at a link that a redirect would pass by: programs, filters and shaping. One look; not thread-safe.</summary>
internal sealed class ForeignAttachments(RouteNetlink netlink)
{
    // Those that hand on all they get, in order or fairly.
    private static readonly string[] HarmlessQdiscs = ["noqueue", "pfifo", "bfifo", "pfifo_fast", "fq", "fq_codel", "codel", "mq", "sfq", "clsact", "ingress"];
    private static readonly TcDirection[] Directions = [TcDirection.Ingress, TcDirection.Egress];
    private static readonly string[] FilterQdiscs = ["clsact", "ingress"];
    // Cilium's programs, and those of GKE's Dataplane V2, which is made of them.
    private const string RedirectingPrograms = "cil_";
    private static readonly string[] OwnPrograms = ["cv_from_pod", "cv_to_pod", "cv_from_net"];
    private ILookup<int, Qdisc>? _qdiscs;

    /// <summary>What is at a link, for people; null when there is nothing. What can't be read counts as something.</summary>
    internal string? Find(int index)
    {
        try
        {
            if (Qdiscs[index].FirstOrDefault(q => !HarmlessQdiscs.Contains(q.Kind)) is { } shaping) return $"the qdisc {shaping.Kind}";
            foreach (TcDirection direction in Directions)
            {
                string way = direction == TcDirection.Ingress ? "ingress" : "egress";
                if (Filters(index, direction).FirstOrDefault(f => f.Handle != 0 && !(f.ProgramId is { } id && IsOwn(id))) is { } filter) return $"a {filter.Kind} filter of others at {way}";
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

    /// <summary>
    /// Whether a program stands at a link that redirects packets itself: who comes first disables the other, and with it the policy that it enforces. With the remedy; null when there is none. What
    /// can't be read counts as none, since <see cref="Find"/> tells of it.
    /// </summary>
    internal string? FindRedirecting(LinkState link)
    {
        try
        {
            return ProgramsAt(link.Index).Select(NameOf).FirstOrDefault(n => n?.StartsWith(RedirectingPrograms, StringComparison.Ordinal) == true) is { } name
                ? $"Cilium's program {name} redirects packets at interface {link.Name}, and no other program can do so there; do not enrol pods of this node, or have another CNI connect them"
                : null;
        }
        catch (KernelException)
        {
            return null;
        }
    }

    private IEnumerable<uint> ProgramsAt(int index)
    {
        foreach (TcDirection direction in Directions)
        {
            foreach (TcxAttachment program in Programs(index, direction)) yield return program.ProgramId;
            foreach (TrafficFilter filter in Filters(index, direction))
            {
                if (filter.ProgramId is { } id) yield return id;
            }
        }
    }

    private ILookup<int, Qdisc> Qdiscs => _qdiscs ??= netlink.GetQdiscs().ToLookup(q => q.InterfaceIndex);

    private IReadOnlyList<TrafficFilter> Filters(int index, TcDirection direction) =>
        Qdiscs[index].Any(q => FilterQdiscs.Contains(q.Kind)) ? netlink.GetFilters(index, direction) : [];

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

    private static bool IsOwn(uint id) => NameOf(id) is not { } name || OwnPrograms.Contains(name);

    // Null: it has gone since it was listed.
    private static string? NameOf(uint id)
    {
        try
        {
            using BpfProgram program = BpfProgram.FromId(id);
            return program.Name;
        }
        catch (BpfException e) when (e.Errno == Errno.ENOENT)
        {
            return null;
        }
    }
}
