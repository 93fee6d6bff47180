using System.Net;
using Culvert.Datapath.Tests.Support;
using Culvert.Interop.Abi;
using static Culvert.Datapath.Tests.Fuzz.MeshModel;

namespace Culvert.Datapath.Tests.Fuzz;

/// <summary>What must hold of the flow table whatever packets came: no entry of the generation in force allows what the model denies.</summary>
internal static class FlowInvariants
{
    /// <summary>Returns what is wrong with the table, null when nothing.</summary>
    internal static string? FindViolation(MeshModel model, IReadOnlyDictionary<CvFlowKey, CvFlow> flows)
    {
        foreach ((CvFlowKey key, CvFlow flow) in flows)
        {
            if (FindViolation(model, flows, key, flow) is { } wrong) return $"{Describe(key, flow)}: {wrong}";
        }
        return null;
    }

    private static string? FindViolation(MeshModel model, IReadOnlyDictionary<CvFlowKey, CvFlow> flows, CvFlowKey key, CvFlow flow)
    {
        CvFlowKey other = PeerOf(key, flow);
        if (!flows.TryGetValue(other, out CvFlow peer)) return "its other direction is missing";
        if (!PeerOf(other, peer).Equals(key)) return "its other direction leads elsewhere";
        if (flow.InIfindex != peer.Ifindex || flow.Ifindex != peer.InIfindex) return "its directions disagree about their veths";
        if (flow.Owner != peer.Owner || flow.Generation != peer.Generation) return "its directions disagree about owner or generation";
        // What an older world let in is revalidated when it is next used. The first direction stands for both.
        if (flow.Generation != model.Generation || Has(flow, CvFlowFlag.Reply)) return null;
        IPEndPoint from = EndPoint(key.Src, key.Sport), to = Has(flow, CvFlowFlag.NatDst) ? EndPoint(flow.NatAddr, flow.NatPort) : EndPoint(key.Dst, key.Dport);
        return Source(model, flow, from, to) ?? Destination(model, flow, from, to, key.Proto);
    }

    private static string? Source(MeshModel model, CvFlow flow, IPEndPoint from, IPEndPoint to)
    {
        Spot source = model.At(from.Address);
        if (flow.InIfindex != 0) return source.Pod?.Index == flow.InIfindex ? null : "its sender does not own its source";
        return source.Kind switch
        {
            Place.Pod => "a pod of this node is spoken for",
            Place.Service => "a Service is spoken for",
            Place.Remote when !model.LeavesAlone(to) => "a workload elsewhere is spoken for",
            _ => null,
        };
    }

    private static string? Destination(MeshModel model, CvFlow flow, IPEndPoint from, IPEndPoint to, byte protocol)
    {
        Spot destination = model.At(to.Address);
        bool self = from.Address.Equals(to.Address) && !Has(flow, CvFlowFlag.NatDst);
        if (self || model.LeavesAlone(to)) return null;
        bool established = protocol == Packet.Tcp; // connections stay where they began, whatever their ends have become since
        switch (destination.Kind)
        {
            case Place.Service:
                return established ? null : "it leads to a Service as if that were a pod";
            case Place.Remote:
                return established && (long)flow.CreatedNs < model.Since ? null : "it leads in plaintext to a workload elsewhere";
            case Place.Pod:
                Workload pod = destination.Pod!;
                if (flow.Ifindex != pod.Index) return "it leads to a pod that no longer has the address";
                if (!established && (destination.IsBehindProxy(to.Port) || (flow.InIfindex != 0 && model.At(from.Address).IsBehindProxy(from.Port)))) return "it leads past the proxy";
                if (flow.InIfindex == 0 && destination.Strict) return "it leads in plaintext to a strict pod";
                uint sourceClass = flow.InIfindex != 0 ? model.At(from.Address).Pod!.Class : ClassOf(model.At(from.Address));
                return model.Admits(pod, sourceClass, to.Port, protocol) ? null : "policy denies it";
            default:
                return null;
        }
    }

    private static uint ClassOf(Spot source) => source.Kind == Place.Unknown ? 0 : source.Class;

    private static bool Has(in CvFlow flow, CvFlowFlag flag) => (flow.Flags & (ushort)flag) != 0;

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
        };
    }

    private static IPEndPoint EndPoint(in CvAddr address, ushort port) => new(Abi.Address(address), Abi.Network(port));

    private static string Describe(in CvFlowKey key, in CvFlow flow) =>
        $"{(key.Proto == Packet.Tcp ? "TCP" : "UDP")} {EndPoint(key.Src, key.Sport)} -> {EndPoint(key.Dst, key.Dport)}, {(CvVerdict)flow.Verdict}, {(CvFlowFlag)flow.Flags}, from veth {flow.InIfindex} to veth {flow.Ifindex}, generation {flow.Generation}";
}
