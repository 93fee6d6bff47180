namespace Culvert.Core;

/// <summary>What a request has to be; all that is set counts.</summary>
public sealed record HttpRouteMatch
{
    /// <summary>Its path; <see cref="RoutePath.Any"/> for every path.</summary>
    public RoutePath Path { get; init; } = RoutePath.Any;

    /// <summary>Its method; null: any.</summary>
    public string? Method { get; init; }

    /// <summary>Headers that it has, each name once, in lower case.</summary>
    public EquatableArray<RouteField> Headers { get; init; }

    /// <summary>Parameters of its query, each name once.</summary>
    public EquatableArray<RouteField> QueryParameters { get; init; }
}
