using Culvert.Core;

namespace Culvert.NodeAgent.Mesh;

/// <summary>A Service port whose requests are routed, for one kind of client. Immutable.</summary>
/// <param name="Service">The Service.</param>
/// <param name="ApplicationProtocol">By what its requests are read.</param>
/// <param name="Routes">The routes.</param>
/// <param name="Table">The same as requests find theirs.</param>
internal sealed record RoutedPort(ServiceInfo Service, string ApplicationProtocol, EquatableArray<HttpRouteInfo> Routes, HttpRouteTable Table)
{
    /// <summary>Makes one.</summary>
    /// <param name="routed">The port.</param>
    /// <param name="clientNamespace">Whose clients it is for; null: all that have no routes of their own.</param>
    /// <param name="before">The same in the snapshot before: its table is used again while the routes are the same objects.</param>
    /// <returns>Null when there are no routes.</returns>
    internal static RoutedPort? Of(RoutedServicePort routed, string? clientNamespace, RoutedPort? before)
    {
        EquatableArray<HttpRouteInfo> routes = routed.For(clientNamespace);
        if (routes.IsEmpty) return null;

        // A port that nobody says of what it speaks speaks what its routes are about.
        string protocol = routed.Port.AppProtocol ?? (routes[0].Kind == HttpRouteKind.Grpc ? "grpc" : "http");
        bool isSame = before is not null && before.Routes.Count == routes.Count && before.Routes.Zip(routes).All(p => ReferenceEquals(p.First, p.Second));
        return new RoutedPort(routed.Service, protocol, routes, isSame ? before!.Table : new HttpRouteTable(routes));
    }
}
