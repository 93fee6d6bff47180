namespace Culvert.Core;

/// <summary>What tells routes apart.</summary>
/// <param name="Kind">The kind.</param>
/// <param name="Name">Namespace and name within it.</param>
public readonly record struct HttpRouteKey(HttpRouteKind Kind, NamespacedName Name)
{
    /// <summary>It as <c>HTTPRoute namespace/name</c>.</summary>
    public override string ToString() => $"{(Kind == HttpRouteKind.Grpc ? "GRPCRoute" : "HTTPRoute")} {Name}";
}
