using Culvert.Interop;
using Culvert.Interop.Bpf;
using Culvert.Interop.Netlink;

namespace Culvert.NodeAgent.Datapath;

/// <summary>
/// Tells whether agents other than one are in a network namespace: each has its program at the socket lookup, from its start until it is detached. Rules and routes
/// are the same for all of them.
/// </summary>
public static class OtherAgents
{
    private const string Program = "cv_sk_lookup";

    /// <summary>The links of programs of agents at the socket lookup of the calling thread's network namespace.</summary>
    /// <param name="own">Ids of links of the agent that does not count.</param>
    /// <returns>Their ids, as bpftool shows them.</returns>
    /// <exception cref="BpfException">EPERM without CAP_SYS_ADMIN.</exception>
    public static IReadOnlyList<uint> Links(IReadOnlySet<uint> own)
    {
        using NetworkNamespace here = NetworkNamespace.Current();
        return [.. BpfLink.ListInfos().Where(l => !own.Contains(l.Id) && IsLookup(l, here.Inode)).Select(l => l.Id)];
    }

    /// <summary>The link of the agent that has its pins in a folder.</summary>
    /// <param name="bpfFolder">The folder as the user gave it.</param>
    /// <returns>Its id; several after an upgrade that did not end.</returns>
    /// <exception cref="BpfException">A pin can't be opened.</exception>
    public static IReadOnlySet<uint> LinksPinnedIn(string bpfFolder)
    {
        HashSet<uint> ids = [];
        if (!Directory.Exists(bpfFolder)) return ids;
        foreach (string pin in Directory.GetDirectories(bpfFolder, "v*").Select(v => Path.Combine(v, "links", SocketLookup.PinName)).Where(File.Exists))
        {
            using BpfLink link = BpfLink.OpenPinned(pin);
            ids.Add(link.Info.Id);
        }
        return ids;
    }

    private static bool IsLookup(BpfLinkInfo link, ulong network)
    {
        if (link.Type != BpfLinkInfo.NetworkNamespaceType || link.NetworkNamespaceInode != network) return false;
        try
        {
            using BpfProgram program = BpfProgram.FromId(link.ProgramId);
            return program.Name == Program;
        }
        catch (BpfException e) when (e.Errno == Errno.ENOENT)
        {
            return false; // it has gone since its link was listed
        }
    }
}
