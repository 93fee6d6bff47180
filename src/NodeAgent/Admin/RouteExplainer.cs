using Culvert.Core;
using Wire = Culvert.Protocol.V1;

namespace Culvert.NodeAgent.Admin;

/// <summary>Says where requests go whose Service has routes.</summary>
internal static class RouteExplainer
{
    private const string AskedOfBackends = "policy is asked of the backend that each request goes to: explain one of them by its workload";

    /// <summary>Explains a connection to a Service port whose requests are routed.</summary>
    /// <param name="oracle">Knows them.</param>
    /// <param name="source">The workload that asks, of the mesh.</param>
    /// <param name="service">The Service.</param>
    /// <param name="port">Its port.</param>
    /// <param name="protocol">TCP or UDP.</param>
    /// <param name="answer">Where to.</param>
    /// <returns>False when there are no routes for it.</returns>
    internal static bool TryExplain(PathOracle oracle, WorkloadInfo source, ServiceInfo service, ushort port, TransportProtocol protocol, Wire.ExplainResponse answer)
    {
        ServicePort? asked = service.Ports.FirstOrDefault(p => p.Port == port && p.Protocol == protocol);
        if (service.Vips.IsEmpty || asked is null || oracle.RoutedPorts.Find(asked) is not { } routed || routed.For(source.Name.Namespace) is not { IsEmpty: false } routes) return false;
        (answer.Path, answer.Reason) = (Wire.FlowPath.Proxy, "routed");
        if (routes == routed.Plain)
        {
            answer.Steps.Add($"requests to port {port} of service {service.Name} are read by the proxy of node {source.Node}, and each goes to a backend of its own, for TrafficPolicy {asked.Requests!.Policy} says what holds for them");
            answer.Steps.Add(AskedOfBackends);
            return true;
        }

        answer.Steps.Add($"requests to port {port} of service {service.Name} are read by the proxy of node {source.Node}, and each goes where the routes say: {string.Join(", ", routes.Select(NameOf))}");
        foreach (HttpRouteInfo route in routes)
        {
            for (int i = 0; i < route.Rules.Count; i++) answer.Steps.Add($"{route.Key} rule {i}: {TargetsOf(route.Rules[i])}");
        }

        answer.Steps.Add(AskedOfBackends);
        return true;
    }

    private static string NameOf(HttpRouteInfo route) => route.SourceReference.Length == 0 ? $"{route.Key}" : $"{route.Key} ({route.SourceReference})";

    private static string TargetsOf(HttpRouteRule rule) => rule switch
    {
        { Filters.Redirect: { } redirect } => $"clients are sent elsewhere ({redirect.Status})",
        { Backends.IsEmpty: true } => "answered 500, since it has no backend",
        _ => string.Join(", ", rule.Backends.Select(b => $"{(b.Service is { } name ? $"service {name} port {b.Port}" : "what is no Service, answered 500")} (weight {b.Weight})")),
    };
}
