namespace Culvert.Kubernetes.Resources;

/// <summary>How a container has ended.</summary>
public sealed record ContainerTerminated
{
    /// <summary>What it ended with.</summary>
    public int ExitCode { get; init; }

    /// <summary>Why, in a word, e.g. <c>OOMKilled</c>.</summary>
    public string? Reason { get; init; }

    /// <summary>What it has left as its last words.</summary>
    public string? Message { get; init; }
}
