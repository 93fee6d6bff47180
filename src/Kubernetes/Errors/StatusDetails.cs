namespace Culvert.Kubernetes.Errors;

/// <summary>What a Status adds for programs.</summary>
internal sealed record StatusDetails
{
    public IReadOnlyList<StatusCause>? Causes { get; init; }

    public int RetryAfterSeconds { get; init; }
}
