namespace Culvert.Kubernetes.Resources;

/// <summary>Who should use an endpoint.</summary>
public sealed record EndpointHints
{
    /// <summary>Zones whose clients should.</summary>
    public IReadOnlyList<ForZone> ForZones { get; init => field = value ?? []; } = [];

    /// <summary>Nodes whose clients should.</summary>
    public IReadOnlyList<ForNode> ForNodes { get; init => field = value ?? []; } = [];
}
