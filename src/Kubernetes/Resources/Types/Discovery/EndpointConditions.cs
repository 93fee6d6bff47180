namespace Culvert.Kubernetes.Resources;

/// <summary>How an endpoint is; null is unknown, which counts as ready, serving and not terminating.</summary>
public sealed record EndpointConditions
{
    /// <summary>May be sent to.</summary>
    public bool? Ready { get; init; }

    /// <summary>Answers, even if it is ending.</summary>
    public bool? Serving { get; init; }

    /// <summary>Is ending.</summary>
    public bool? Terminating { get; init; }
}
