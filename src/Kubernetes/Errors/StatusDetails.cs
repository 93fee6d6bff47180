namespace Culvert.Kubernetes.Errors;

/// <summary>What a Status adds for programs.</summary>
internal sealed record StatusDetails
{
    public string? Group { get; init; }

    /// <summary>Of which kind the object is, by its name in paths.</summary>
    public string? Kind { get; init; }

    public IReadOnlyList<StatusCause>? Causes { get; init; }

    public int RetryAfterSeconds { get; init; }
}
