using System.Net;
using Culvert.Datapath.Tests.Support;
using Culvert.Interop.Abi;

namespace Culvert.Datapath.Tests.Fuzz;

/// <summary>What must hold of the flow table whatever packets came: entries come in pairs, and none of the generation in force allows what the world denies.</summary>
internal static class FlowInvariants
{
    /// <summary>Returns what is wrong with the table, null when nothing.</summary>
    internal static string? FindViolation(IFuzzWorld fuzzed, IReadOnlyDictionary<CvFlowKey, CvFlow> flows)
    {
        foreach ((CvFlowKey key, CvFlow flow) in flows)
        {
            if (FindViolation(fuzzed, flows, key, flow) is { } wrong) return $"{Describe(key, flow)}: {wrong}";
        }
        return null;
    }

    private static string? FindViolation(IFuzzWorld fuzzed, IReadOnlyDictionary<CvFlowKey, CvFlow> flows, CvFlowKey key, CvFlow flow)
    {
        CvFlowKey other = PeerOf(key, flow);
        if (!flows.TryGetValue(other, out CvFlow peer)) return "its other direction is missing";
        if (!PeerOf(other, peer).Equals(key)) return "its other direction leads elsewhere";
        if (flow.InIfindex != peer.Ifindex || flow.Ifindex != peer.InIfindex) return "its directions disagree about their veths";
        if (flow.Owner != peer.Owner || flow.Generation != peer.Generation) return "its directions disagree about owner or generation";
        if (!IsOf(key.Space, flow.InIfindex) || !IsOf(key.Space, flow.Ifindex)) return "it leads out of its space";
        // What an older world let in is revalidated when it is next used. The first direction stands for both.
        if (flow.Generation != fuzzed.Generation || Has(flow, CvFlowFlag.Reply)) return null;
        IPEndPoint addressed = EndPoint(key.Dst, key.Dport), to = Has(flow, CvFlowFlag.NatDst) ? EndPoint(flow.NatAddr, flow.NatPort) : addressed;
        return flow.Verdict == (byte)CvVerdict.Proxy
            ? FindProxiedFault(fuzzed, flow, EndPoint(key.Src, key.Sport).Address, key.Proto)
            : fuzzed.FindFault(flow, key.Space, EndPoint(key.Src, key.Sport), addressed, to, key.Proto);
    }

    // It lets nothing through: the proxy asks policy. But the proxy must be able to believe it.
    private static string? FindProxiedFault(IFuzzWorld fuzzed, in CvFlow flow, IPAddress from, byte protocol)
    {
        if (flow.InIfindex == 0 || fuzzed.PodAt(from)?.Index != flow.InIfindex) return "its sender does not own its source";
        if (flow.Ifindex != 0) return "what goes by the proxy leads to a pod";
        return protocol == Packet.Tcp && Has(flow, CvFlowFlag.NatDst) && Workload.SpaceOf(flow.InIfindex) == 0 ? null : "the proxy needs no entry of it";
    }

    // On the node, packets of pods that are captured in their own namespaces are like any from elsewhere; in such a namespace there is that pod alone.
    private static bool IsOf(ushort space, uint link) => link == 0 || Workload.SpaceOf(link) == space;

    internal static bool Has(in CvFlow flow, CvFlowFlag flag) => (flow.Flags & (ushort)flag) != 0;

    private static CvFlowKey PeerOf(in CvFlowKey key, in CvFlow flow)
    {
        bool destination = Has(flow, CvFlowFlag.NatDst), source = Has(flow, CvFlowFlag.NatSrc);
        return new CvFlowKey
        {
            Src = destination ? flow.NatAddr : key.Dst,
            Sport = destination ? flow.NatPort : key.Dport,
            Dst = source ? flow.NatAddr : key.Src,
            Dport = source ? flow.NatPort : key.Sport,
            Proto = key.Proto,
            Space = key.Space,
        };
    }

    private static IPEndPoint EndPoint(in CvAddr address, ushort port) => new(Abi.Address(address), Abi.Network(port));

    private static string Describe(in CvFlowKey key, in CvFlow flow) =>
        $"{(key.Proto == Packet.Tcp ? "TCP" : "UDP")} {EndPoint(key.Src, key.Sport)} -> {EndPoint(key.Dst, key.Dport)}, {(CvVerdict)flow.Verdict}, {(CvFlowFlag)flow.Flags}, from veth {flow.InIfindex} to veth {flow.Ifindex}, generation {flow.Generation}";
}
