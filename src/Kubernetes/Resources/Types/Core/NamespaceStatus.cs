namespace Culvert.Kubernetes.Resources;

/// <summary>What has become of a namespace.</summary>
public sealed record NamespaceStatus
{
    /// <summary>Active or Terminating.</summary>
    public string? Phase { get; init; }
}
