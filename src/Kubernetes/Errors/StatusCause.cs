namespace Culvert.Kubernetes.Errors;

/// <summary>One thing that is wrong.</summary>
internal sealed record StatusCause
{
    public string? Reason { get; init; }

    public string? Message { get; init; }

    public string? Field { get; init; }
}
