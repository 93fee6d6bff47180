using Culvert.Core;

namespace Culvert.Controller.Objects;

/// <summary>What becomes of requests to ports of Services: an HTTPRoute or GRPCRoute of the Gateway API (gateway.networking.k8s.io) whose parents are Services.</summary>
/// <param name="RouteKind">Which of them.</param>
/// <param name="Meta">Its metadata.</param>
internal sealed record HttpRouteObject(ObjectKind RouteKind, ObjectMeta Meta) : MeshObject(RouteKind, Meta)
{
    /// <summary>The Service ports whose requests it is about.</summary>
    public EquatableArray<Parent> Parents { get; init; }

    /// <summary>What becomes of requests; never empty.</summary>
    public EquatableArray<HttpRouteRule> Rules { get; init; }

    /// <summary>How large the expressions of its matches are together (<see cref="RouteExpression.Positions"/>).</summary>
    public int ExpressionPositions { get; init; }

    /// <summary>Kind and name, as nodes know them.</summary>
    public HttpRouteKey RouteKey => new(RouteKind == ObjectKind.GRPCRoute ? HttpRouteKind.Grpc : HttpRouteKind.Http, Meta.FullName);

    /// <summary>Those of its Services that are of its own namespace: for them it speaks to all clients, and each is there once.</summary>
    public IReadOnlyCollection<NamespacedName> ProducedFor => [.. Parents.Select(p => p.Reference.Service).Where(s => s.Namespace == Meta.Namespace).Distinct()];

    /// <summary>As nodes are told it.</summary>
    public HttpRouteInfo ToRoute() => new()
    {
        Name = Meta.FullName,
        Kind = RouteKey.Kind,
        Parents = Parents.Select(p => p.Reference).ToEquatableArray(),
        Rules = Rules,
        Created = Meta.Origin.Created,
        SourceReference = Meta.SourceReference,
    };

    /// <summary>The Services that its rules lead to, mirrors too, as often as they do.</summary>
    public IEnumerable<NamespacedName> Targets => Rules.SelectMany(r => r.Targets).Select(t => t.Service);

    /// <summary>In the order in which routes that mean the same port count: those of gRPC first; those of one kind are in force together, the oldest first.</summary>
    public static IEnumerable<HttpRouteObject> ByPrecedence(IEnumerable<HttpRouteObject> routes) =>
        routes.OrderBy(r => r.RouteKey.Kind).ThenBy(r => r.Meta.Origin.Created ?? DateTimeOffset.MaxValue).ThenBy(r => r.Meta.FullName);

    /// <summary>Whether requests to a port of a Service are meant, and can be read there.</summary>
    public bool Covers(NamespacedName service, ServicePort port) => HttpKinds.MayBe(port.AppProtocol) && Parents.Any(p => p.Reference.Service == service && p.Reference.Covers(port));

    /// <summary>A Service whose requests it is about.</summary>
    /// <param name="Index">Which of the route's parents it is, as they are written; from 0.</param>
    /// <param name="Reference">The Service.</param>
    internal sealed record Parent(int Index, HttpRouteParent Reference);
}
