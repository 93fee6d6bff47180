namespace Culvert.Kubernetes.Errors;

/// <summary>The API's Status: what it answers instead of an object.</summary>
internal sealed record StatusDocument
{
    public string? Kind { get; init; }

    public string? Status { get; init; }

    public string? Message { get; init; }

    public string? Reason { get; init; }

    public int Code { get; init; }

    public StatusDetails? Details { get; init; }
}
