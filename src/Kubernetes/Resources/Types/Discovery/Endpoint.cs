namespace Culvert.Kubernetes.Resources;

/// <summary>Who answers for a Service.</summary>
public sealed record Endpoint
{
    /// <summary>Its addresses; the first is used.</summary>
    public IReadOnlyList<string> Addresses { get; init => field = value ?? []; } = [];

    /// <summary>How it is.</summary>
    public EndpointConditions Conditions { get; init => field = value ?? new(); } = new();

    /// <summary>Its name within the Service, or null.</summary>
    public string? Hostname { get; init; }

    /// <summary>The node it is on, or null.</summary>
    public string? NodeName { get; init; }

    /// <summary>Its zone, or null.</summary>
    public string? Zone { get; init; }

    /// <summary>Who should use it, or null.</summary>
    public EndpointHints? Hints { get; init; }

    /// <summary>The pod, or null.</summary>
    public ObjectReference? TargetRef { get; init; }
}
