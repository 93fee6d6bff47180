namespace Culvert.Kubernetes.Resources;

/// <summary>A node.</summary>
public sealed record ForNode
{
    /// <summary>Its name.</summary>
    public string Name { get; init => field = value ?? ""; } = "";
}
