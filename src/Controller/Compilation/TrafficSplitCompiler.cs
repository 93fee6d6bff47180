using Culvert.Controller.Objects;
using Culvert.Controller.Schema;
using Culvert.Core;

namespace Culvert.Controller.Compilation;

/// <summary>Makes routes of requests of the TrafficSplits that have matches: what matches goes to the backends by weight, all else to the root Service. Pure.</summary>
internal static class TrafficSplitCompiler
{
    // No object's name has a colon: no HTTPRoute can take its place.
    private const string Prefix = "trafficsplit:";

    /// <summary>Most matches that the groups of a TrafficSplit come to, each method of one counted by itself, as many as those of an HTTPRoute; where there are more all requests go to the root Service.</summary>
    public const int MostMatches = 128;

    /// <summary>Whether a TrafficSplit has too many, or expressions that are too large together, as those of an HTTPRoute may be.</summary>
    /// <param name="split">It.</param>
    /// <param name="findGroup">An HTTPRouteGroup by its key; null where there is none.</param>
    public static bool HasTooMany(RouteObject split, Func<ObjectKey, MeshObject?> findGroup) =>
        GroupsOf(split, findGroup).Sum(g => g.ExpressionPositions) > ExpressionBudget.MostPositions || MatchesOf(split, findGroup).Count > MostMatches;

    /// <summary>The routes for the ports of a Service that such a TrafficSplit has, one for each.</summary>
    /// <param name="service">The Service by itself.</param>
    /// <param name="routes">The routes that name it as a parent, the one that counts first.</param>
    /// <param name="requests">The routes of requests to it that its owner has made, which count before.</param>
    /// <param name="find">A Service by itself, or null.</param>
    /// <param name="findGroup">An HTTPRouteGroup by its key; null where there is none, which has no request then.</param>
    public static IEnumerable<HttpRouteInfo> Compile(
        ServiceInfo service, IReadOnlyCollection<RouteObject> routes, IReadOnlyCollection<HttpRouteObject> requests, Func<NamespacedName, ServiceInfo?> find, Func<ObjectKey, MeshObject?> findGroup)
    {
        foreach (ServicePort port in routes.Any(r => r.DividesRequests) ? service.Ports : [])
        {
            if (RouteCompiler.Find(routes, requests, service.Name, port) is { DividesRequests: true } split) yield return Compile(split, service.Name, port, find, findGroup);
        }
    }

    private static HttpRouteInfo Compile(RouteObject split, NamespacedName root, ServicePort port, Func<NamespacedName, ServiceInfo?> find, Func<ObjectKey, MeshObject?> findGroup)
    {
        string ns = split.Meta.Namespace;
        EquatableArray<HttpRouteMatch> matches = HasTooMany(split, findGroup) ? [] : MatchesOf(split, findGroup);
        HttpRouteRule divided = new()
        {
            Matches = matches,
            Backends = (from backend in split.Backends
                        let name = new NamespacedName(ns, backend.Service)
                        where find(name)?.Ports.Any(p => p.Port == port.Port && p.Protocol == port.Protocol) == true
                        select new HttpRouteBackend(name, port.Port, backend.Weight)).ToEquatableArray(),
        };
        HttpRouteRule others = new() { Matches = [new HttpRouteMatch()], Backends = [new HttpRouteBackend(root, port.Port)] };
        return new()
        {
            Name = new(ns, $"{Prefix}{split.Meta.Name}:{port.Port}"),
            Kind = HttpRouteKind.Http,
            Parents = [new HttpRouteParent(root, port.Port)],
            Rules = matches.IsEmpty ? [others] : [divided, others],
            Created = split.Meta.Origin.Created,
            SourceReference = split.Meta.SourceReference,
        };
    }

    // One more than there may be is enough to know that there are too many.
    private static EquatableArray<HttpRouteMatch> MatchesOf(RouteObject split, Func<ObjectKey, MeshObject?> findGroup) =>
        GroupsOf(split, findGroup).SelectMany(g => g.Matches).SelectMany(m => m.ToMatches()).Distinct().Take(MostMatches + 1).ToEquatableArray();

    private static IEnumerable<HttpRouteGroupObject> GroupsOf(RouteObject split, Func<ObjectKey, MeshObject?> findGroup) =>
        split.Groups.Select(g => findGroup(new(ObjectKind.HTTPRouteGroup, split.Meta.Namespace, g))).OfType<HttpRouteGroupObject>();
}
