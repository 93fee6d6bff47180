using Culvert.Interop.Abi;
using Culvert.Interop.Bpf;

namespace Culvert.NodeAgent.Datapath;

/// <summary>Typed views of the maps that the agent reads and writes. Safe for several threads, as the kernel's maps are.</summary>
internal sealed class DatapathMaps(BpfObject loaded) : IDisposable
{
    internal BpfMap<uint, CvControl> Control { get; } = loaded.GetMap<uint, CvControl>("cv_control");

    internal BpfMap<CvEndpointKey, CvEndpoint> Endpoint { get; } = loaded.GetMap<CvEndpointKey, CvEndpoint>("cv_endpoint");

    internal BpfMap<CvAddressKey, CvAddress> Address { get; } = loaded.GetMap<CvAddressKey, CvAddress>("cv_address");

    internal BpfMap<CvPolicyKey, CvPolicy> Policy { get; } = loaded.GetMap<CvPolicyKey, CvPolicy>("cv_policy");

    internal BpfMap<CvServiceKey, CvService> Service { get; } = loaded.GetMap<CvServiceKey, CvService>("cv_service");

    internal BpfMap<CvBackendKey, CvBackend> Backend { get; } = loaded.GetMap<CvBackendKey, CvBackend>("cv_backend");

    internal BpfMap<CvFlowKey, CvFlow> Flow { get; } = loaded.GetMap<CvFlowKey, CvFlow>("cv_flow");

    /// <summary>Whose flows those are; the programs write it.</summary>
    internal BpfMap<uint, CvUsage> Usage { get; } = loaded.GetMap<uint, CvUsage>("cv_usage");

    /// <summary>How many of those flows <see cref="FlowSweeper"/> has taken out.</summary>
    internal BpfMap<uint, ulong> Swept { get; } = loaded.GetMap<uint, ulong>("cv_swept");

    /// <summary>How many flows are a pod's own, and not lent to it; 0: any number.</summary>
    internal BpfMap<uint, uint> FairShare { get; } = loaded.GetMap<uint, uint>("cv_fair_share");

    /// <summary>UDP flows that go to the proxy; the programs write it.</summary>
    internal BpfMap<CvFlowKey, CvSession> Session { get; } = loaded.GetMap<CvFlowKey, CvSession>("cv_session");

    /// <summary>Answers of pods that the proxy's sockets wait for; see <see cref="ReplyTable"/>.</summary>
    internal BpfMap<CvFlowKey, CvReply> Reply { get; } = loaded.GetMap<CvFlowKey, CvReply>("cv_reply");

    internal BpfMap<uint, ulong> Drops { get; } = loaded.GetMap<uint, ulong>("cv_drops");

    internal BpfMap<uint, ulong> Counters { get; } = loaded.GetMap<uint, ulong>("cv_counters");

    /// <summary>The listeners in pods' own namespaces.</summary>
    internal BpfMap<CvInsideListenerKey, ulong> InsideSock { get; } = loaded.GetMap<CvInsideListenerKey, ulong>("cv_inside_sock");

    /// <summary>The probe that is waited for at a link that leads out.</summary>
    internal BpfMap<ulong, CvProbe> Probes { get; } = loaded.GetMap<ulong, CvProbe>("cv_probes");

    internal BpfMap Listener { get; } = loaded.GetMap("cv_listener");

    /// <summary>Which sockets of the node are the proxy's; see <see cref="Interop.Sockets.SocketMark"/>.</summary>
    internal BpfMap OwnSockets { get; } = loaded.GetMap("cv_own_socket");

    internal BpfMap Events { get; } = loaded.GetMap("cv_events");

    public void Dispose()
    {
        foreach (BpfMap map in (BpfMap[])[Control, Endpoint, Address, Policy, Service, Backend, Flow, Usage, Swept, FairShare, Session, Reply, Drops, Counters, InsideSock, Probes, Listener, OwnSockets, Events]) map.Dispose();
    }
}
