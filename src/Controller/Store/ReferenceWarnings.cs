using Culvert.Controller.Compilation;
using Culvert.Controller.Objects;
using Culvert.Controller.Schema;
using Culvert.Core;

namespace Culvert.Controller.Store;

/// <summary>
/// Keeps the warnings of objects that name others: Services that are not there or lack a port, SMI routes that are not there, and what another object of the same purpose counts before. Those of a
/// namespace are found anew when one of its objects that matters has changed: references do not leave it. Not thread-safe.
/// </summary>
/// <param name="workloads">All workloads.</param>
internal sealed class ReferenceWarnings(WorkloadIndex workloads)
{
    private readonly Dictionary<string, SortedDictionary<string, MeshObject>> _byNamespace = new(StringComparer.Ordinal);
    private readonly TrafficTargetIndex _targets = new();
    private readonly SortedDictionary<string, SourceError[]> _warnings = new(StringComparer.Ordinal);

    /// <summary>All of them, by namespace.</summary>
    public IEnumerable<SourceError> All => _warnings.Values.SelectMany(w => w);

    /// <summary>Takes changes up.</summary>
    /// <param name="changes">Objects as they were and as they are.</param>
    /// <param name="find">An object that is in force now.</param>
    public void Update(IEnumerable<(MeshObject? Old, MeshObject? New)> changes, Func<ObjectKey, MeshObject?> find)
    {
        HashSet<string> dirty = new(StringComparer.Ordinal);
        foreach ((MeshObject? old, MeshObject? now) in changes)
        {
            MeshObject one = (old ?? now)!;
            if (one is ServiceObject or SmiRouteObject or HttpRouteGroupObject or WorkloadObject && _byNamespace.TryGetValue(one.Meta.Namespace, out SortedDictionary<string, MeshObject>? there)
                && (one is not WorkloadObject || there.Values.Any(o => o is TrafficTargetObject))) dirty.Add(one.Meta.Namespace);
            if (one is TrafficTargetObject or SmiRouteObject or HttpRouteGroupObject)
            {
                // Also those of other namespaces, which may have no room any more.
                DirtyResources reached = new();
                _targets.Replace(old, now, workloads, reached);
                dirty.UnionWith(reached.TrafficTargets.Select(t => t.Namespace));
            }
            if (one is not (RouteObject or HttpRouteObject or TrafficPolicyObject or TrafficTargetObject)) continue;
            dirty.Add(one.Meta.Namespace);
            if (!_byNamespace.TryGetValue(one.Meta.Namespace, out SortedDictionary<string, MeshObject>? own)) _byNamespace.Add(one.Meta.Namespace, own = new(StringComparer.Ordinal));
            if (now is null) own.Remove(one.Key.ToString());
            else own[one.Key.ToString()] = now;
            if (own.Count == 0) _byNamespace.Remove(one.Meta.Namespace);
        }
        foreach (string ns in dirty)
        {
            SourceError[] found = _byNamespace.TryGetValue(ns, out SortedDictionary<string, MeshObject>? own) ? [.. Of([.. own.Values], find)] : [];
            if (found.Length == 0) _warnings.Remove(ns);
            else _warnings[ns] = found;
        }
    }

    private IEnumerable<SourceError> Of(IReadOnlyList<MeshObject> objects, Func<ObjectKey, MeshObject?> find)
    {
        ServiceObject? Service(MeshObject from, string name) => find(new(ObjectKind.Service, from.Meta.Namespace, name)) as ServiceObject;
        // As compilation has them.
        RouteObject[] routes = [.. RouteObject.ByPrecedence(objects.OfType<RouteObject>())];
        RoutesInForce inForce = new(routes, [.. HttpRouteObject.ByPrecedence(objects.OfType<HttpRouteObject>())]);
        TrafficPolicyObject[] policies = [.. objects.OfType<TrafficPolicyObject>().OrderBy(p => p.Rank)];
        return routes.SelectMany(r => OfRoute(r, inForce, name => Service(r, name)).Concat(OfGroups(r, find)))
            .Concat(policies.SelectMany(p => OfPolicy(p, policies, name => Service(p, name))))
            .Concat(objects.OfType<TrafficTargetObject>().SelectMany(t => OfTarget(t, find)));
    }

    private static IEnumerable<SourceError> OfRoute(RouteObject route, RoutesInForce inForce, Func<string, ServiceObject?> find)
    {
        bool isSplit = route.RouteKind == ObjectKind.TrafficSplit;
        for (int b = 0; !isSplit && b < route.Backends.Count; b++)
        {
            if (OfBackend(route, b, route.Backends[b].Port!.Value, route.Protocol!.Value, find) is { } fault) yield return fault;
        }
        foreach (RouteObject.Parent parent in route.Parents)
        {
            object[] path = isSplit ? ["spec", "service"] : ["spec", "parentRefs", parent.Index];
            if (find(parent.Service) is not { } service)
            {
                yield return NotFound(route, $"there is no Service {parent.Service} in namespace {route.Meta.Namespace}: the route holds for nothing", path);
                continue;
            }
            ServicePortObject[] meant = [.. service.Ports.Where(p => (route.Protocol is null || route.Protocol == p.Protocol) && parent.Covers(p.ToPort()))];
            ServicePortObject[] ports = [.. meant.Where(p => route.Covers(parent.Service, p.ToPort()))], unread = [.. meant.Except(ports).Where(p => p.Protocol == TransportProtocol.Tcp)];
            if (unread.Length > 0)
                yield return SourceWarning.About(route, $"Service {parent.Service} does not say that {Text(unread)} {(unread.Length == 1 ? "speaks" : "speak")} HTTP (by appProtocol, or the port's name), so that requests there can't be told apart: all go to {parent.Service}", path);
            else if (ports.Length == 0) yield return NotFound(route, $"Service {parent.Service} has no such port: the route holds for nothing", path);
            ILookup<MeshObject, ServicePortObject> byRoute = ports.ToLookup(p => inForce.Of(new(route.Meta.Namespace, parent.Service), p));
            foreach (IGrouping<MeshObject, ServicePortObject> others in byRoute.Where(g => !ReferenceEquals(g.Key, route)))
            {
                yield return SourceWarning.About(route, $"{others.Key.Key} counts for {Text(others)} of Service {parent.Service}, and this one does not", path) with
                {
                    Fault = byRoute.Contains(route) ? ReferenceFault.None : ReferenceFault.Conflicted,
                };
            }
            for (int b = 0; isSplit && b < route.Backends.Count; b++)
            {
                foreach (ServicePortObject port in byRoute[route])
                {
                    if (OfBackend(route, b, port.Port, port.Protocol, find) is { } fault) yield return fault;
                }
            }
        }
    }

    private static SourceError? OfBackend(RouteObject route, int index, ushort port, TransportProtocol protocol, Func<string, ServiceObject?> find)
    {
        string name = route.Backends[index].Service;
        object[] at = route.RouteKind == ObjectKind.TrafficSplit ? ["spec", "backends", index] : ["spec", "rules", 0, "backendRefs", index];
        if (find(name) is not { } target) return NotFound(route, $"there is no Service {name} in namespace {route.Meta.Namespace}: its share goes to the others", at);
        return target.Ports.Any(p => p.Port == port && p.Protocol == protocol) ? null : NotFound(route, $"Service {name} has no port {new TransportPort(port, protocol)}: its share goes to the others", at);
    }

    private static IEnumerable<SourceError> OfPolicy(TrafficPolicyObject policy, TrafficPolicyObject[] policies, Func<string, ServiceObject?> find)
    {
        object[] target = ["spec", policy.Kind == ObjectKind.CircuitBreaker ? "destination" : "targetRef", "name"];
        TrafficPolicyObject first = policies.First(p => p.Service == policy.Service);
        if (first != policy) yield return SourceWarning.About(policy, $"{first.Key} counts for Service {policy.Service}, and this one does not", target);
        if (find(policy.Service) is not { } service)
        {
            yield return SourceWarning.About(policy, $"there is no Service {policy.Service} in namespace {policy.Meta.Namespace}: it holds for nothing", target);
            yield break;
        }
        foreach ((string field, TransportPort port) in policy.NamedPorts.Distinct())
        {
            if (!service.Ports.Any(p => port.Covers(p.Port, p.Protocol))) yield return SourceWarning.About(policy, $"the Service has no port {port}", "spec", field);
        }
        if (first != policy) yield break;
        if (policy.Requests?.Fallback is { } fallback && find(fallback.Service.Name)?.Ports.Any(p => p.Port == fallback.Port && p.Protocol == TransportProtocol.Tcp) != true)
            yield return SourceWarning.About(policy, $"there is no Service {fallback.Service.Name} with a TCP port {fallback.Port} in namespace {policy.Meta.Namespace}: there is no fallback", ["spec", .. policy.FallbackField]);
        if (policy.Requests?.Fallback?.Service.Name == policy.Service)
            yield return SourceWarning.About(policy, $"Service {policy.Service} is its own fallback, which has the same backends", ["spec", .. policy.FallbackField]);
        if (policy.Requests is not null && !service.Ports.Any(p => p.Protocol == TransportProtocol.Tcp && HttpKinds.Of(PortProtocol.Of(p)) != HttpKind.None))
            yield return SourceWarning.About(policy, $"no port of Service {policy.Service} says that it is HTTP: {(policy.Kind == ObjectKind.CircuitBreaker ? "it holds" : "requestBalancing, outlierDetection, healthCheck, circuitBreaker, retryBudget, hedging, faultInjection and responseCache hold")} where requests are routed only", target);
        foreach (string field in policy.Covered(service)) yield return SourceWarning.About(policy, $"counts in the place of all that annotations of Service {policy.Service} say of {field}, also for ports that it does not name", "spec", field);
    }

    private IEnumerable<SourceError> OfTarget(TrafficTargetObject target, Func<ObjectKey, MeshObject?> find)
    {
        if (target is { IsStricterReading: true, Account: not TrafficTargetObject.Nobody })
            yield return SourceWarning.About(target, "has errors and was never good: it allows nothing, and its destination takes only what other policies allow", "spec");
        if (target.Account is { Length: > 0 } account && !workloads.InNamespace(target.Meta.Namespace).Any(w => target.Selects(workloads.Find(w)!)))
            yield return SourceWarning.About(target, $"selects nothing: no workload in namespace {target.Meta.Namespace} has the service account {account}", "spec", "destination", "name");
        if (!_targets.HasRoom(target.Meta.FullName))
            yield return SourceWarning.About(target, $"it allows no requests: the HTTPRouteGroups of the TrafficTargets of namespace {target.Meta.Namespace} name more than {NamespaceLimits.MostPolicyValues} values, or most where all namespaces together name more than {NamespaceLimits.MostPolicyValuesOfAll}", "spec", "rules");
        for (int i = 0; i < target.Rules.Count; i++)
        {
            TrafficTargetObject.Rule rule = target.Rules[i];
            MeshObject? found = find(rule.Route);
            if (found is null) yield return SourceWarning.About(target, $"there is no {KindOf(rule.Route)} {rule.Route.Name} of SMI in namespace {target.Meta.Namespace}: the rule allows nothing", "spec", "rules", i, "name");
            foreach (string name in found is HttpRouteGroupObject group ? rule.Matches.Where(m => !group.Matches.Any(g => g.Name == m)) : [])
                yield return SourceWarning.About(target, $"{rule.Route} has no match {name}, which allows nothing", "spec", "rules", i, "matches");
        }
    }

    private static string KindOf(ObjectKey route) => route.Kind switch { ObjectKind.SmiTCPRoute => "TCPRoute", ObjectKind.SmiUDPRoute => "UDPRoute", _ => route.Kind.ToString() };

    private static IEnumerable<SourceError> OfGroups(RouteObject route, Func<ObjectKey, MeshObject?> find)
    {
        for (int i = 0; i < route.Groups.Count; i++)
        {
            ObjectKey group = new(ObjectKind.HTTPRouteGroup, route.Meta.Namespace, route.Groups[i]);
            if (find(group) is null) yield return SourceWarning.About(route, $"there is no HTTPRouteGroup {group.Name} in namespace {group.Namespace}: no request matches it", "spec", "matches", i, "name");
        }

        if (TrafficSplitCompiler.HasTooMany(route, find))
            yield return SourceWarning.About(route, $"its groups come to more than {TrafficSplitCompiler.MostMatches} matches, each method of one counted by itself: all requests go to the root Service", "spec", "matches");
    }

    private static SourceError NotFound(RouteObject route, string reason, object[] path) => SourceWarning.About(route, reason, path) with { Fault = ReferenceFault.NotFound };

    /// <summary>Ports for people.</summary>
    internal static string Text(IEnumerable<ServicePortObject> ports)
    {
        string[] texts = [.. ports.Select(p => new TransportPort(p.Port, p.Protocol).ToString())];
        return $"{(texts.Length == 1 ? "port" : "ports")} {string.Join(", ", texts)}";
    }

    /// <summary>Which of a namespace's routes counts for a port. Found once for each port, as there may be many of both.</summary>
    /// <param name="routes">Those of connections, the one that counts first.</param>
    /// <param name="requests">Those of requests, which count before them.</param>
    private sealed class RoutesInForce(RouteObject[] routes, HttpRouteObject[] requests)
    {
        private readonly ILookup<string, RouteObject> _byService = routes.SelectMany(r => r.Parents.Select(p => p.Service).Distinct(StringComparer.Ordinal).Select(s => (Service: s, Route: r)))
            .ToLookup(p => p.Service, p => p.Route, StringComparer.Ordinal);

        private readonly ILookup<NamespacedName, HttpRouteObject> _requestsByService = requests.SelectMany(r => r.ProducedFor.Select(s => (Service: s, Route: r))).ToLookup(p => p.Service, p => p.Route);

        private readonly Dictionary<(NamespacedName Service, ServicePortObject Port), MeshObject> _known = [];

        /// <summary>The route for a port that one of connections covers.</summary>
        public MeshObject Of(NamespacedName service, ServicePortObject port)
        {
            if (_known.TryGetValue((service, port), out MeshObject? route)) return route;
            ServicePort known = port.ToPort();
            HttpRouteObject? first = _requestsByService[service].FirstOrDefault(r => r.Covers(service, known));
            return _known[(service, port)] = first is null ? _byService[service.Name].First(r => r.Covers(service.Name, known)) : first;
        }
    }
}
