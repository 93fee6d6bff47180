namespace Culvert.Kubernetes.Resources;

/// <summary>One aspect of the state of an object.</summary>
public sealed record Condition
{
    /// <summary>Name of the aspect.</summary>
    public string Type { get; init => field = value ?? ""; } = "";

    /// <summary>True, False or Unknown.</summary>
    public string Status { get; init => field = value ?? "Unknown"; } = "Unknown";

    /// <summary>Why, in a word.</summary>
    public string? Reason { get; init; }

    /// <summary>Why, for people.</summary>
    public string? Message { get; init; }

    /// <summary>The generation of the specification that it is about.</summary>
    public long? ObservedGeneration { get; init; }

    /// <summary>When the status changed last.</summary>
    public DateTimeOffset? LastTransitionTime { get; init; }
}
