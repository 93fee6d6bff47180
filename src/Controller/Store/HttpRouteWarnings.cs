using Culvert.Controller.Compilation;
using Culvert.Controller.Objects;
using Culvert.Controller.Schema;
using Culvert.Core;

namespace Culvert.Controller.Store;

/// <summary>
/// Keeps the warnings of routes of requests: Services that are not there or lack a port, ports that speak something else, and routes that count before. Their Services may be of any namespace, so that each
/// route is found by the Services that it names. Not thread-safe.
/// </summary>
internal sealed class HttpRouteWarnings
{
    private readonly MultiMap<NamespacedName, ObjectKey> _byParent = new();
    private readonly MultiMap<NamespacedName, ObjectKey> _byTarget = new();
    private readonly WarningTable _warnings = new();
    private readonly LimitWarnings<HttpRouteObject>[] _room = [.. new[] { ObjectKind.HTTPRoute, ObjectKind.GRPCRoute }.Select(k => new LimitWarnings<HttpRouteObject>(k, NamespaceLimits.ExpressionPositions(), TooMany))];

    /// <summary>All of them, by route.</summary>
    public IEnumerable<SourceError> All => _warnings.All.Concat(_room.SelectMany(r => r.All));

    /// <summary>Takes changes up.</summary>
    /// <param name="changes">Objects as they were and as they are.</param>
    /// <param name="find">An object that is in force now.</param>
    public void Update(IReadOnlyCollection<(MeshObject? Old, MeshObject? New)> changes, Func<ObjectKey, MeshObject?> find)
    {
        HashSet<ObjectKey> dirty = [];
        foreach ((MeshObject? old, MeshObject? now) in changes)
        {
            MeshObject one = (old ?? now)!;
            if (one is ServiceObject) dirty.UnionWith([.. _byParent[one.Meta.FullName], .. _byTarget[one.Meta.FullName]]);
            if (one is not HttpRouteObject) continue;
            dirty.Add(one.Key);
            foreach (NamespacedName parent in ParentsOf(old)) _byParent.Remove(parent, one.Key);
            foreach (NamespacedName target in TargetsOf(old)) _byTarget.Remove(target, one.Key);
            foreach (NamespacedName parent in ParentsOf(now)) _byParent.Add(parent, one.Key);
            foreach (NamespacedName target in TargetsOf(now)) _byTarget.Add(target, one.Key);
            foreach (NamespacedName parent in ParentsOf(old).Concat(ParentsOf(now))) dirty.UnionWith(_byParent[parent]);
        }
        foreach (ObjectKey key in dirty) _warnings.Set(key, find(key) is HttpRouteObject route ? Of(route, find) : []);
        foreach (LimitWarnings<HttpRouteObject> room in _room) room.Update(changes, find);
    }

    private static IEnumerable<NamespacedName> ParentsOf(MeshObject? route) => (route as HttpRouteObject)?.Parents.Select(p => p.Reference.Service) ?? [];

    private static IEnumerable<NamespacedName> TargetsOf(MeshObject? route) => (route as HttpRouteObject)?.Targets ?? [];

    private IEnumerable<SourceError> Of(HttpRouteObject route, Func<ObjectKey, MeshObject?> find)
    {
        foreach (HttpRouteObject.Parent parent in route.Parents)
        {
            NamespacedName name = parent.Reference.Service;
            foreach (SourceError fault in OfParent(route, parent, Service(name, find), [.. _byParent[name].Select(k => find(k) as HttpRouteObject).OfType<HttpRouteObject>()])) yield return fault;
        }
        HttpRouteObject[] before = [.. CountingBefore(route, find)];
        for (int r = 0; r < route.Rules.Count; r++)
        {
            if (TakenBy(route, r, before) is { } taker) yield return SourceWarning.About(route, $"has no request: {taker} counts before, and asks the same of requests", "spec", "rules", r, "matches");
            for (int b = 0; b < route.Rules[r].Backends.Count; b++)
            {
                HttpRouteBackend backend = route.Rules[r].Backends[b];
                if (backend.Service is { } name && OfTarget(name, backend.Port, Service(name, find), "its share is answered 500") is { } reason)
                    yield return NotFound(route, reason, "spec", "rules", r, "backendRefs", b);
            }
            foreach (HttpRouteMirror mirror in route.Rules[r].Filters.Mirrors)
            {
                if (OfTarget(mirror.Service, mirror.Port, Service(mirror.Service, find), "nothing is mirrored there") is { } reason) yield return NotFound(route, reason, "spec", "rules", r, "filters");
            }
        }
    }

    // Those of its kind that hold wherever it holds, and win where both match alike: older ones of its namespace.
    private IEnumerable<HttpRouteObject> CountingBefore(HttpRouteObject route, Func<ObjectKey, MeshObject?> find)
    {
        if (route.Parents.IsEmpty) return [];
        IEnumerable<HttpRouteObject> others = _byParent[route.Parents[0].Reference.Service].Select(find).OfType<HttpRouteObject>();
        return HttpRouteObject.ByPrecedence(others.Where(o => o.Key != route.Key && o.RouteKind == route.RouteKind && o.Meta.Namespace == route.Meta.Namespace
            && HttpRouteObject.ByPrecedence([o, route]).First() == o && route.Parents.All(p => o.Parents.Any(w => IsWithin(p.Reference, w.Reference)))));
    }

    private static bool IsWithin(HttpRouteParent part, HttpRouteParent whole) =>
        part.Service == whole.Service && (whole.Port is null || whole.Port == part.Port) && (whole.PortName is null || whole.PortName == part.PortName);

    private static string? TakenBy(HttpRouteObject route, int index, HttpRouteObject[] before)
    {
        HttpRouteRule rule = route.Rules[index];
        if (before.FirstOrDefault(o => rule.Matches.All(m => o.Rules.Any(r => r.Matches.Contains(m)))) is { } other) return other.Key.ToString();
        for (int earlier = 0; earlier < index; earlier++)
        {
            if (rule.Matches.All(route.Rules[earlier].Matches.Contains)) return $"rule {earlier} of it";
        }

        return null;
    }

    private static IEnumerable<SourceError> OfParent(HttpRouteObject route, HttpRouteObject.Parent parent, ServiceObject? service, HttpRouteObject[] siblings)
    {
        object[] path = ["spec", "parentRefs", parent.Index];
        NamespacedName name = parent.Reference.Service;
        if (service is null)
        {
            yield return NotFound(route, $"there is no Service {name.Name} in namespace {name.Namespace}: the route holds for nothing", path);
            yield break;
        }
        ServicePortObject[] meant = [.. service.Ports.Where(p => parent.Reference.Covers(p.ToPort()))], ports = [.. meant.Where(p => HttpKinds.MayBe(p.AppProtocol))];
        if (meant.Length == 0) yield return NotFound(route, $"Service {name.Name} has no such port of TCP: the route holds for nothing", path);
        foreach (ServicePortObject other in meant.Except(ports))
        {
            yield return SourceWarning.About(route, $"{ReferenceWarnings.Text([other])} of Service {name.Name} says that it speaks {other.AppProtocol}, which is not HTTP: the route does not hold for it", path) with
            {
                Fault = ports.Length == 0 ? ReferenceFault.NotFound : ReferenceFault.None,
            };
        }

        // Routes of clients' namespaces and those of the Service's own have other clients.
        HttpRouteObject[] first = [.. HttpRouteObject.ByPrecedence(siblings.Where(s => s.RouteKey.Kind < route.RouteKey.Kind && s.Meta.Namespace == route.Meta.Namespace))];
        ILookup<HttpRouteObject, ServicePortObject> byRoute = ports.ToLookup(p => first.FirstOrDefault(f => f.Covers(name, p.ToPort())) ?? route);
        foreach (IGrouping<HttpRouteObject, ServicePortObject> others in byRoute.Where(g => !ReferenceEquals(g.Key, route)))
        {
            yield return SourceWarning.About(route, $"{others.Key.Key} counts for {ReferenceWarnings.Text(others)} of Service {name.Name}, and this one does not", path) with
            {
                Fault = byRoute.Contains(route) ? ReferenceFault.None : ReferenceFault.Conflicted,
            };
        }
    }

    private static string? OfTarget(NamespacedName name, ushort port, ServiceObject? service, string otherwise) =>
        NameWarnings.MissingOf(name, port, service) is { } missing ? $"{missing}: {otherwise}" : null;

    private static ServiceObject? Service(NamespacedName name, Func<ObjectKey, MeshObject?> find) => find(new(ObjectKind.Service, name.Namespace, name.Name)) as ServiceObject;

    private static SourceError TooMany(HttpRouteObject route) => SourceWarning.About(
        route, $"has no effect: the expressions of the {route.RouteKind}s of namespace {route.Meta.Namespace} have more than {NamespaceLimits.MostExpressionPositions} characters and classes, or most where those of all namespaces together have more than {NamespaceLimits.MostExpressionPositionsOfAll}", "spec", "rules");

    private static SourceError NotFound(HttpRouteObject route, string reason, params object[] path) => SourceWarning.About(route, reason, path) with { Fault = ReferenceFault.NotFound };
}
