using Culvert.NodeAgent.Datapath;
using Culvert.NodeAgent.Identity;
using Culvert.NodeAgent.Mesh;
using Culvert.NodeAgent.Proxy;
using Culvert.NodeAgent.Snapshots;
using Culvert.NodeAgent.Telemetry;
using Culvert.NodeAgent.Telemetry.Metrics;

namespace Culvert.NodeAgent.Hosting;

/// <summary>All metric families that are read when scraped. The others are of <see cref="AgentMetrics"/> and <see cref="ProxyObserver"/>, which count in them.</summary>
internal static class AgentFamilies
{
    /// <summary>Registers them. Nothing is asked of the parts before the first scrape.</summary>
    internal static void Register(
        MetricRegistry registry, DatapathMaps maps, FlowSweeper sweeper, DatapathState state, Func<long> programsPutFirst, DirectPathKeeper directPath, TunnelSourceKeeper tunnelSource, ProxyServer proxy, MeshDirectory directory, SnapshotClient client, INodeIdentity own, ISvidStore svids, TunnelTrust trust, TimeProvider time)
    {
        KernelMetrics.Register(registry, maps, sweeper, state);
        AgentGauges.Register(registry, client, own, svids, trust, state, time);
        DirectPathMetrics.Register(registry, directPath, state);
        registry.Add(new CallbackFamily("culvert_tunnel_source", "1 for whose addresses new tunnels are opened from: node or pod.", "gauge", ["source"], () => [new CallbackSample([tunnelSource.IsPod ? "pod" : "node"], 1)]));
        registry.Add(new CallbackFamily("culvert_programs_put_first_total", "Programs of the agent that others ran before, and that were put first again.", "counter", [], () => CallbackSample.Single(programsPutFirst())));
        registry.Add(new CallbackFamily("culvert_unhealthy_backends", "Backends of a Service port that are unhealthy, as the last health checks had it.", "gauge", ["service", "service_namespace", "port"],
            () => directory.View.Routes.Unhealthy.Select(u => new CallbackSample([u.Port.Service.Name, u.Port.Service.Namespace, $"{u.Port.Port}"], u.Unhealthy))));
        UdpMetrics.Register(registry, proxy);
        PlaceMetrics.Register(registry, proxy);
        ProcessMetrics.Register(registry);
    }
}
