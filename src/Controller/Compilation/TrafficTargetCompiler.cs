using Culvert.Controller.Objects;
using Culvert.Controller.Schema;
using Culvert.Core;

namespace Culvert.Controller.Compilation;

/// <summary>Makes ALLOW policies of TrafficTargets: what they select takes only what one of them, or another ALLOW policy, allows. Pure.</summary>
internal static class TrafficTargetCompiler
{
    // No object's name has a colon: no AuthorizationPolicy can take its place.
    private const string Prefix = "traffictarget:";

    /// <summary>The name of its policy.</summary>
    public static NamespacedName PolicyName(NamespacedName target) => target with { Name = Prefix + target.Name };

    /// <summary>Compiles one.</summary>
    /// <param name="target">It.</param>
    /// <param name="find">A route by its key; null where there is none, which then allows nothing.</param>
    /// <param name="trustDomain">The mesh's trust domain, of which its sources are.</param>
    /// <param name="requestsCount">Whether there is room for its conditions on requests; otherwise it allows none.</param>
    public static PolicyInfo Compile(TrafficTargetObject target, Func<ObjectKey, MeshObject?> find, string trustDomain, bool requestsCount)
    {
        PolicyDestination[] to = [.. DestinationsOf(target, find, requestsCount)];
        PolicySource from = new() { Identities = target.Sources.Select(s => StringPattern.Parse(SpiffeId.ForServiceAccount(trustDomain, s.Namespace, s.Name).ToString())).ToEquatableArray() };
        return new()
        {
            Name = PolicyName(target.Meta.FullName),
            Action = PolicyAction.Allow,

            // Empty lists would mean everybody and every port.
            Rules = to.Length == 0 || target.Sources.IsEmpty ? [] : [new() { From = [from], To = to.ToEquatableArray() }],
            SourceReference = target.Meta.SourceReference,
        };
    }

    /// <summary>The ports of TCP that it is about; empty: all; null: none.</summary>
    /// <param name="target">It.</param>
    /// <param name="find">A route by its key; null where there is none.</param>
    public static EquatableArray<ushort>? Ports(TrafficTargetObject target, Func<ObjectKey, MeshObject?> find)
    {
        // A TCPRoute that is not there leaves no port, and its absence is not as if nobody had asked for ports.
        if (!target.Rules.Any(r => r.Route.Kind == ObjectKind.SmiTCPRoute)) return target.Port is { } port ? [port] : [];
        PolicyDestination[] routes = [.. OfRoutes(target, find).Where(d => d.Protocol == TransportProtocol.Tcp)];
        return routes.Length == 0 ? null : routes.Any(d => d.Ports.IsEmpty) ? [] : routes.SelectMany(d => d.Ports).Distinct().ToEquatableArray();
    }

    /// <summary>What its conditions on requests count for among those of its namespace.</summary>
    public static int ValuesOf(TrafficTargetObject target, Func<ObjectKey, MeshObject?> find) =>
        target.AsksAboutRequests ? ConditionsOf(target, find).Sum(c => 1 + RequestConditionsReader.ValuesOf(c)) : 0;

    private static IEnumerable<PolicyDestination> DestinationsOf(TrafficTargetObject target, Func<ObjectKey, MeshObject?> find, bool requestsCount)
    {
        IEnumerable<PolicyDestination> routes = OfRoutes(target, find);
        if (!target.AsksAboutRequests) return routes;
        IEnumerable<PolicyDestination> requests = requestsCount && Ports(target, find) is { } ports
            ? ConditionsOf(target, find).Select(c => new PolicyDestination { Ports = ports, Protocol = TransportProtocol.Tcp, Request = c })
            : [];
        return routes.Where(d => d.Protocol != TransportProtocol.Tcp).Concat(requests);
    }

    private static IEnumerable<RequestConditions> ConditionsOf(TrafficTargetObject target, Func<ObjectKey, MeshObject?> find) => RouteGroupConditions.Of(target.Rules, find);

    private static IEnumerable<PolicyDestination> OfRoutes(TrafficTargetObject target, Func<ObjectKey, MeshObject?> find) =>
        target.Routes.Select(find).OfType<SmiRouteObject>().Select(r => Destination(target, r)).OfType<PolicyDestination>();

    private static PolicyDestination? Destination(TrafficTargetObject target, SmiRouteObject route)
    {
        if (target.Port is not { } port) return new() { Ports = route.Ports, Protocol = route.Protocol };
        return route.Ports.IsEmpty || route.Ports.Contains(port) ? new() { Ports = [port], Protocol = route.Protocol } : null;
    }
}
