namespace Culvert.Controller.Sources.Kubernetes;

/// <summary>What a route of the Gateway API is attached to, as it is written there and repeated in its status.</summary>
internal sealed record ParentReference
{
    /// <summary>API group; empty for Services.</summary>
    public string? Group { get; init; }

    /// <summary>The kind.</summary>
    public string? Kind { get; init; }

    /// <summary>The namespace; null: the route's.</summary>
    public string? Namespace { get; init; }

    /// <summary>The name.</summary>
    public string? Name { get; init; }

    /// <summary>Name of a port of a Service; null: not chosen by name.</summary>
    public string? SectionName { get; init; }

    /// <summary>A port; null: not chosen by number.</summary>
    public long? Port { get; init; }
}
