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

    /// <summary>Whether it is about requests of a client to a Service: the owner of the Service speaks for everybody, and others for clients of their own namespace.</summary>
    /// <param name="parent">One of its parents.</param>
    /// <param name="clientNamespace">The client's namespace; null: it is not of the mesh.</param>
    public bool IsFor(HttpRouteParent parent, string? clientNamespace)
    {
        ArgumentNullException.ThrowIfNull(parent);
        return IsProducers(parent) || Name.Namespace == clientNamespace;
    }

    /// <summary>Whether it is the Service owner's own, and holds for everybody for whom no route of their own namespace does.</summary>
    /// <param name="parent">One of its parents.</param>
    public bool IsProducers(HttpRouteParent parent)
    {
        ArgumentNullException.ThrowIfNull(parent);
        return parent.Service.Namespace == Name.Namespace;
    }
}
