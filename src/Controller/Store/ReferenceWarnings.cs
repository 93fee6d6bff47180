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
            if (one is ServiceObject or SmiRouteObject or WorkloadObject && _byNamespace.ContainsKey(one.Meta.Namespace)) dirty.Add(one.Meta.Namespace);
            if (one is not (RouteObject or TrafficPolicyObject or TrafficTargetObject)) continue;
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
        TrafficPolicyObject[] policies = [.. objects.OfType<TrafficPolicyObject>().OrderBy(p => p.Meta.FullName)];
        return routes.SelectMany(r => OfRoute(r, routes, name => Service(r, name)))
            .Concat(policies.SelectMany(p => OfPolicy(p, policies, Service(p, p.Service))))
            .Concat(objects.OfType<TrafficTargetObject>().SelectMany(t => OfTarget(t, find)));
    }

    private static IEnumerable<SourceError> OfRoute(RouteObject route, RouteObject[] routes, Func<string, ServiceObject?> find)
    {
        bool isSplit = route.RouteKind == ObjectKind.TrafficSplit;
        foreach (RouteObject.Parent parent in route.Parents)
        {
            object[] path = isSplit ? ["spec", "service"] : ["spec", "parentRefs", parent.Index];
            if (find(parent.Service) is not { } service)
            {
                yield return NotFound(route, $"there is no Service {parent.Service} in namespace {route.Meta.Namespace}: the route holds for nothing", path);
                continue;
            }
            ServicePortObject[] ports = [.. service.Ports.Where(p => (route.Protocol is null || route.Protocol == p.Protocol) && parent.Covers(PortOf(p)))];
            if (ports.Length == 0) yield return NotFound(route, $"Service {parent.Service} has no such port: the route holds for nothing", path);
            bool holds = ports.Any(p => routes.First(r => Covers(r, parent.Service, p)) == route);
            foreach (ServicePortObject port in ports)
            {
                RouteObject first = routes.First(r => Covers(r, parent.Service, port));
                if (first != route)
                {
                    yield return SourceWarning.About(route, $"{first.Key} counts for port {Text(port)} of Service {parent.Service}, and this one does not", path) with { Fault = holds ? ReferenceFault.None : ReferenceFault.Conflicted };
                    continue;
                }
                for (int b = 0; b < route.Backends.Count; b++)
                {
                    RouteObject.Backend backend = route.Backends[b];
                    ushort number = backend.Port ?? port.Port;
                    object[] at = isSplit ? ["spec", "backends", b] : ["spec", "rules", 0, "backendRefs", b];
                    if (find(backend.Service) is not { } target) yield return NotFound(route, $"there is no Service {backend.Service} in namespace {route.Meta.Namespace}: its share goes to the others", at);
                    else if (!target.Ports.Any(p => p.Port == number && p.Protocol == port.Protocol))
                        yield return NotFound(route, $"Service {backend.Service} has no port {new TransportPort(number, port.Protocol)}: its share goes to the others", at);
                }
            }
        }
    }

    private static IEnumerable<SourceError> OfPolicy(TrafficPolicyObject policy, TrafficPolicyObject[] policies, ServiceObject? service)
    {
        object[] target = ["spec", "targetRef", "name"];
        TrafficPolicyObject first = policies.First(p => p.Service == policy.Service);
        if (first != policy) yield return SourceWarning.About(policy, $"{first.Key} counts for Service {policy.Service}, and this one does not", target);
        if (service is null)
        {
            yield return SourceWarning.About(policy, $"there is no Service {policy.Service} in namespace {policy.Meta.Namespace}: it holds for nothing", target);
            yield break;
        }
        foreach ((string field, TransportPort port) in policy.NamedPorts.Distinct())
        {
            if (!service.Ports.Any(p => port.Covers(p.Port, p.Protocol))) yield return SourceWarning.About(policy, $"the Service has no port {port}", "spec", field);
        }
        if (first != policy) yield break;
        foreach (string field in policy.Covered(service)) yield return SourceWarning.About(policy, $"counts in the place of all that annotations of Service {policy.Service} say of {field}, also for ports that it does not name", "spec", field);
    }

    private IEnumerable<SourceError> OfTarget(TrafficTargetObject target, Func<ObjectKey, MeshObject?> find)
    {
        if (target is { IsStricterReading: true, Account: not TrafficTargetObject.Nobody })
            yield return SourceWarning.About(target, "has errors and was never good: it allows nothing, and its destination takes only what other policies allow", "spec");
        if (target.Account is { Length: > 0 } account && !workloads.InNamespace(target.Meta.Namespace).Any(w => target.Selects(workloads.Find(w)!)))
            yield return SourceWarning.About(target, $"selects nothing: no workload in namespace {target.Meta.Namespace} has the service account {account}", "spec", "destination", "name");
        for (int i = 0; i < target.Routes.Count; i++)
        {
            if (find(target.Routes[i]) is null) yield return SourceWarning.About(target, $"there is no {(target.Routes[i].Kind == ObjectKind.SmiUDPRoute ? "UDPRoute" : "TCPRoute")} {target.Routes[i].Name} of SMI in namespace {target.Meta.Namespace}: the rule allows nothing", "spec", "rules", i, "name");
        }
    }

    private static SourceError NotFound(RouteObject route, string reason, object[] path) => SourceWarning.About(route, reason, path) with { Fault = ReferenceFault.NotFound };

    private static bool Covers(RouteObject route, string service, ServicePortObject port) => route.Covers(service, PortOf(port));

    private static ServicePort PortOf(ServicePortObject port) => new() { Name = port.Name, Port = port.Port, Protocol = port.Protocol };

    private static TransportPort Text(ServicePortObject port) => new(port.Port, port.Protocol);
}
