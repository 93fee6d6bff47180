using System.Net;
using Culvert.Datapath.Tests.Support;
using Culvert.Interop.Abi;

namespace Culvert.Datapath.Tests.Fuzz;

/// <summary>What must hold of the sessions of datagrams whatever packets came: a backend is drawn for what a pod of the node asks of a Service, and each draw is found by the addresses that its datagrams have then.</summary>
internal static class SessionInvariants
{
    /// <summary>Returns what is wrong with the table, null when nothing.</summary>
    internal static string? FindViolation(IFuzzWorld fuzzed, IReadOnlyDictionary<CvFlowKey, CvSession> sessions)
    {
        foreach ((CvFlowKey key, CvSession session) in sessions)
        {
            if (FindViolation(fuzzed, sessions, key, session) is { } wrong) return $"session {Abi.Address(key.Src)}:{Abi.Network(key.Sport)} -> {Abi.Address(key.Dst)}:{Abi.Network(key.Dport)}, {(CvSessionFlag)session.Flags}, to {Abi.Address(session.Addr)}:{Abi.Network(session.Port)}: {wrong}";
        }
        return null;
    }

    private static string? FindViolation(IFuzzWorld fuzzed, IReadOnlyDictionary<CvFlowKey, CvSession> sessions, CvFlowKey key, in CvSession session)
    {
        CvSessionFlag flags = (CvSessionFlag)session.Flags;
        bool isDrawn = flags.HasFlag(CvSessionFlag.Drawn), isTranslated = flags.HasFlag(CvSessionFlag.Translated);
        if (!isDrawn && !isTranslated) return session.Addr.Equals(default) && session.Port == 0 ? null : "it leads somewhere and was not drawn";
        if (isDrawn && isTranslated) return "it is both entries of a session";
        if (flags.HasFlag(CvSessionFlag.External) || flags.HasFlag(CvSessionFlag.Reassembled)) return "what is not a pod's whole session was drawn";
        if (key.Space != 0) return "it was drawn in a pod's own namespace";
        if (session.Generation != fuzzed.Generation) return null;
        CvFlowKey other = key with { Dst = session.Addr, Dport = session.Port };
        (CvFlowKey asked, CvFlowKey sent) = isDrawn ? (key, other) : (other, key);
        // Of two Services that lead to one backend the later has the second entry, and so has the backend itself.
        if (isDrawn && !sessions.ContainsKey(sent)) return "its datagrams are not found by the addresses that they have";
        if (fuzzed.PodAt(Abi.Address(key.Src)) is not { } from || from.Index != session.Ifindex) return "its sender does not own its source";
        return fuzzed.FindDrawFault(from, EndPoint(asked.Dst, asked.Dport), EndPoint(sent.Dst, sent.Dport));
    }

    private static IPEndPoint EndPoint(in CvAddr address, ushort port) => new(Abi.Address(address), Abi.Network(port));
}
