using System.Text.Json.Serialization;

namespace Culvert.Kubernetes.Resources;

/// <summary>What a node is to be.</summary>
public sealed record NodeSpec
{
    /// <summary>Range of its pods, or null.</summary>
    [JsonPropertyName("podCIDR")]
    public string? PodCIDR { get; init; }

    /// <summary>Ranges of its pods, one per family.</summary>
    [JsonPropertyName("podCIDRs")]
    public IReadOnlyList<string> PodCIDRs { get; init => field = value ?? []; } = [];

    /// <summary>What the cloud calls it.</summary>
    public string? ProviderID { get; init; }

    /// <summary>Whether no new pods go there.</summary>
    public bool Unschedulable { get; init; }
}
