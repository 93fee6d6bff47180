namespace Culvert.Kubernetes.Resources;

/// <summary>A zone.</summary>
public sealed record ForZone
{
    /// <summary>Its name.</summary>
    public string Name { get; init => field = value ?? ""; } = "";
}
