using System.Text.Json.Serialization;

namespace Culvert.Kubernetes.Resources;

/// <summary>An address of a load balancer.</summary>
public sealed record LoadBalancerIngress
{
    /// <summary>The address, or null.</summary>
    [JsonPropertyName("ip")]
    public string? IP { get; init; }

    /// <summary>Its name, or null.</summary>
    public string? Hostname { get; init; }
}
