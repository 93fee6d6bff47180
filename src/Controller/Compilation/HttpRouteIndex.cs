using Culvert.Controller.Objects;
using Culvert.Core;

namespace Culvert.Controller.Compilation;

/// <summary>Routes of requests by what compilation finds them by. Not thread-safe.</summary>
internal sealed class HttpRouteIndex
{
    private readonly Dictionary<HttpRouteKey, HttpRouteObject> _routes = [];
    private readonly MultiMap<NamespacedName, HttpRouteKey> _producers = new();

    /// <summary>A route, or null.</summary>
    public HttpRouteObject? Find(HttpRouteKey key) => _routes.GetValueOrDefault(key);

    /// <summary>The routes of a Service that its owner has made, which are for all clients.</summary>
    public IReadOnlyList<HttpRouteObject> Producers(NamespacedName service) => [.. _producers[service].Select(k => _routes[k])];

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
    }
}
