using Culvert.Interop.Abi;
using Culvert.Interop.Bpf;
using Culvert.Interop.Sockets;
using Culvert.NodeAgent.Proxy.Captured;

namespace Culvert.NodeAgent.Datapath;

/// <summary>Looks at the entries that the programs keep of connections which they have addressed to a backend (<c>bpf/lib/proxied.h</c>). Thread-safe.</summary>
/// <param name="flows">The kernel's flows.</param>
internal sealed class TranslatedConnections(BpfMap<CvFlowKey, CvFlow> flows) : ITranslatedConnections
{
    /// <inheritdoc/>
    public bool TryFind(in SocketEndPoint pod, in SocketEndPoint backend, out SocketEndPoint service)
    {
        service = default;
        CvFlowKey answers = AbiAddress.FlowKey(backend, pod, System.Net.Sockets.ProtocolType.Tcp);
        if (!flows.TryGet(answers, out CvFlow flow) || flow.Verdict != (byte)CvVerdict.Proxy || (flow.Flags & (ushort)CvFlowFlag.NatSrc) == 0) return false;
        service = AbiAddress.ToSocketEndPoint(flow.NatAddr, flow.NatPort);
        return true;
    }
}
