using Culvert.Interop;
using Culvert.Interop.Bpf;
using Culvert.Interop.Netlink;

namespace Culvert.NodeAgent.Datapath;

/// <summary>Finds what others have put at a link that a redirect would pass by: programs, filters and shaping. One look; not thread-safe.</summary>
/// <param name="netlink">The network namespace that is looked at.</param>
public sealed class ForeignAttachments(RouteNetlink netlink)
{
    // Cilium's programs, and those of GKE's Dataplane V2, which is made of them.
    private const string RedirectingPrograms = "cil_";

    private const string OwnPrefix = "cv_";

    // Those that hand on all they get, in order or fairly.
    private static readonly string[] HarmlessQdiscs = ["noqueue", "pfifo", "bfifo", "pfifo_fast", "fq", "fq_codel", "codel", "mq", "sfq", "clsact", "ingress"];
    private static readonly string[] FilterQdiscs = ["clsact", "ingress"];
    private static readonly string[] OwnPrograms = ["cv_from_pod", "cv_to_pod", "cv_from_net", "cv_probe", "cv_probe_out"];
    private readonly Dictionary<int, IReadOnlyList<(string What, string Program)>> _attachments = [];
    private ILookup<int, Qdisc>? _qdiscs;

    /// <summary>What is at a link, for people; null when there is nothing. What can't be read counts as something.</summary>
    internal string? Find(int index)
    {
        try
        {
            _qdiscs ??= netlink.GetQdiscs().ToLookup(q => q.InterfaceIndex);
            if (_qdiscs[index].FirstOrDefault(q => !HarmlessQdiscs.Contains(q.Kind)) is { } shaping) return $"the qdisc {shaping.Kind}";
            return AttachmentsOf(index).FirstOrDefault(a => !OwnPrograms.Contains(a.Program)).What;
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
    /// Whether a program stands at a link that redirects packets itself: who comes first disables the other, and with it the policy that it enforces. Null when there is none. What
    /// can't be read counts as none, since <see cref="Find"/> tells of it.
    /// </summary>
    internal string? FindRedirecting(LinkState link)
    {
        try
        {
            return AttachmentsOf(link.Index).Select(a => a.Program).FirstOrDefault(p => p.StartsWith(RedirectingPrograms, StringComparison.Ordinal)) is { } name
                ? $"Cilium's program {name} redirects packets at interface {link.Name}, and no other program can do so there"
                : null;
        }
        catch (KernelException)
        {
            return null;
        }
    }

    /// <summary>The names of others' programs at a link, as far as they can be told: a filter that is no program has none.</summary>
    /// <param name="link">The link, in the network namespace that is looked at.</param>
    /// <exception cref="KernelException">It can't be looked at.</exception>
    public IEnumerable<string> NamesAt(LinkInfo link)
    {
        IEnumerable<string> names = AttachmentsOf(link.Index).Select(a => a.Program);
        if (link.XdpProgramId is { } id && NameOf(id) is { } xdp) names = names.Append(xdp);
        return names.Where(n => n.Length > 0 && !n.StartsWith(OwnPrefix, StringComparison.Ordinal));
    }

    private IReadOnlyList<(string What, string Program)> AttachmentsOf(int index)
    {
        if (!_attachments.TryGetValue(index, out IReadOnlyList<(string, string)>? found)) _attachments.Add(index, found = [.. List(index)]);
        return found;
    }

    // Filters and TCX programs, own ones too. The program of a filter that has none is called nothing.
    private IEnumerable<(string What, string Program)> List(int index)
    {
        _qdiscs ??= netlink.GetQdiscs().ToLookup(q => q.InterfaceIndex);
        bool filters = _qdiscs[index].Any(q => FilterQdiscs.Contains(q.Kind));
        foreach (TcDirection direction in (TcDirection[])[TcDirection.Ingress, TcDirection.Egress])
        {
            string hook = direction == TcDirection.Ingress ? "ingress" : "egress";
            foreach (TrafficFilter filter in filters ? netlink.GetFilters(index, direction).Where(f => f.Handle != 0) : [])
            {
                if ((filter.ProgramId is { } id ? NameOf(id) : "") is { } program) yield return ($"a {filter.Kind} filter of others at {hook}", program);
            }
            foreach (TcxAttachment attachment in Programs(index, direction))
            {
                if (NameOf(attachment.ProgramId) is { } program) yield return ($"a TCX program of others at {hook}", program);
            }
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
