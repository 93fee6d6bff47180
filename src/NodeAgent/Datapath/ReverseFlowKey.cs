using Culvert.Interop.Abi;

namespace Culvert.NodeAgent.Datapath;

/// <summary>The two directions of a flow, as the programs pair them. Pure.</summary>
internal static class ReverseFlowKey
{
    /// <summary>The key of the other direction: what its sender puts on the wire (<c>flow_peer_key</c> in <c>bpf/lib/flow_key.h</c>).</summary>
    internal static CvFlowKey Of(in CvFlowKey key, in CvFlow flow)
    {
        bool destination = (flow.Flags & (ushort)CvFlowFlag.NatDst) != 0, source = (flow.Flags & (ushort)CvFlowFlag.NatSrc) != 0;
        return new CvFlowKey
        {
            Src = destination ? flow.NatAddr : key.Dst,
            Sport = destination ? flow.NatPort : key.Dport,
            Dst = source ? flow.NatAddr : key.Src,
            Dport = source ? flow.NatPort : key.Sport,
            Proto = key.Proto,
        };
    }
}
