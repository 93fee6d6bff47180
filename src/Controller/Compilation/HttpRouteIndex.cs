using Culvert.Controller.Objects;
using Culvert.Core;

namespace Culvert.Controller.Compilation;

/// <summary>Routes of requests by what compilation finds them by. Not thread-safe.</summary>
internal sealed class HttpRouteIndex
{
    private readonly Dictionary<HttpRouteKey, HttpRouteObject> _routes = [];
    private readonly MultiMap<NamespacedName, HttpRouteKey> _producers = new();

    private readonly NamespaceLimit<HttpRouteObject> _http = NamespaceLimits.ExpressionPositions();
    private readonly NamespaceLimit<HttpRouteObject> _grpc = NamespaceLimits.ExpressionPositions();

    /// <summary>A route that counts, or null.</summary>
    public HttpRouteObject? Find(HttpRouteKey key) => _routes.TryGetValue(key, out HttpRouteObject? route) && HasRoom(route) ? route : null;

    /// <summary>The routes of a Service that its owner has made, which are for all clients.</summary>
    public IReadOnlyList<HttpRouteObject> Producers(NamespacedName service) => [.. _producers[service].Select(k => _routes[k]).Where(HasRoom)];

    /// <summary>Puts a route in the place of another.</summary>
    /// <param name="before">How it was; null: it is new.</param>
    /// <param name="after">How it is; null: it is gone.</param>
    /// <param name="dirty">Gets what has to be compiled anew.</param>
    public void Replace(HttpRouteObject? before, HttpRouteObject? after, DirtyResources dirty)
    {
        HttpRouteKey key = (before ?? after)!.RouteKey;
        dirty.HttpRoutes.Add(key);
        foreach (NamespacedName service in before?.ProducedFor ?? []) _producers.Remove(service, key);
        foreach (NamespacedName service in after?.ProducedFor ?? []) _producers.Add(service, key);
        if (after is null) _routes.Remove(key);
        else _routes[key] = after;

        // Other routes of these Services count, or no longer do.
        dirty.RoutedServices.UnionWith((before?.ProducedFor ?? []).Concat(after?.ProducedFor ?? []));
        foreach (NamespacedName name in LimitOf(key.Kind).Replace(before, after))
        {
            if (!_routes.TryGetValue(new(key.Kind, name), out HttpRouteObject? other)) continue;
            dirty.HttpRoutes.Add(other.RouteKey);
            dirty.RoutedServices.UnionWith(other.ProducedFor);
        }
    }

    // A route without the part of it that asks by expressions would have requests go where nobody wants them.
    private bool HasRoom(HttpRouteObject route) => route.ExpressionPositions == 0 || !LimitOf(route.RouteKey.Kind).IsOver(route.Meta.Namespace);

    private NamespaceLimit<HttpRouteObject> LimitOf(HttpRouteKind kind) => kind == HttpRouteKind.Grpc ? _grpc : _http;
}
