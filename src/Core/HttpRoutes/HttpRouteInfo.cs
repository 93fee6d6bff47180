namespace Culvert.Core;

/// <summary>A route of requests that are sent to ports of Services: an HTTPRoute or GRPCRoute of the Gateway API whose parents are Services, validated.</summary>
public sealed record HttpRouteInfo
{
    /// <summary>Its namespace and name.</summary>
    public required NamespacedName Name { get; init; }

    /// <summary>Its kind: of those for one port only routes of the kind that counts first are in force.</summary>
    public HttpRouteKind Kind { get; init; }

    /// <summary>Kind and name.</summary>
    public HttpRouteKey Key => new(Kind, Name);

    /// <summary>The Services whose requests it is about.</summary>
    public EquatableArray<HttpRouteParent> Parents { get; init; }

    /// <summary>What becomes of requests: the first rule by precedence has each.</summary>
    public EquatableArray<HttpRouteRule> Rules { get; init; }

    /// <summary>When it was made, for precedence: of equal matches the oldest route's counts. Null where nobody knows, which is as the youngest.</summary>
    public DateTimeOffset? Created { get; init; }

    /// <summary>Where it was declared, as <c>file:line</c>, for messages; empty when unknown.</summary>
    public string SourceReference { get; init; } = "";
}
