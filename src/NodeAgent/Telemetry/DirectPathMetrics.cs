using Culvert.NodeAgent.Datapath;
using Culvert.NodeAgent.Telemetry.Metrics;

namespace Culvert.NodeAgent.Telemetry;

/// <summary>Which path packets between workloads of the node take, read when scraped.</summary>
internal static class DirectPathMetrics
{
    internal static void Register(MetricRegistry registry, DirectPathKeeper keeper, DatapathState state)
    {
        registry.Add(new CallbackFamily("culvert_direct_path", "1 for the path that new flows between workloads of the node take; by the node's own forwarding once for each kind of reason.", "gauge", ["mode", "reason"], () => Samples(keeper.Current)));
        registry.Add(new CallbackFamily("culvert_workloads_host_stack", "Captured workloads that are left to the node's own forwarding because of what is said of their interface or addresses.", "gauge", [],
            () => CallbackSample.Single(state.Current.Endpoints.Count(e => e.HostStackReason is not null))));
        registry.Add(new CallbackFamily("culvert_workloads_inside", "Captured workloads that are captured inside their network namespaces.", "gauge", [],
            () => CallbackSample.Single(state.Current.Endpoints.Count(e => e.Inside is not null))));
    }

    /// <summary>The name of a kind of reason, as the label has it.</summary>
    internal static string NameOf(DirectPathReasonKind kind) => kind switch
    {
        DirectPathReasonKind.Configured => "configured",
        DirectPathReasonKind.NetworkPolicy => "network-policy",
        DirectPathReasonKind.Firewall => "firewall",
        DirectPathReasonKind.RoutingRule => "routing-rule",
        DirectPathReasonKind.Ipsec => "ipsec",
        DirectPathReasonKind.Cni => "cni",
        _ => throw new InvalidOperationException($"{kind} has no name"),
    };

    private static IEnumerable<CallbackSample> Samples(DirectPathInForce current) => current.IsRedirect
        ? [new CallbackSample(["redirect", ""], 1)]
        : current.Reasons.Select(r => r.Kind).Distinct().Select(k => new CallbackSample(["host-stack", NameOf(k)], 1));
}
