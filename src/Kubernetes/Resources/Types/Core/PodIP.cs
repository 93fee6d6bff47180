using System.Text.Json.Serialization;

namespace Culvert.Kubernetes.Resources;

/// <summary>An address of a pod.</summary>
public sealed record PodIP
{
    /// <summary>The address.</summary>
    [JsonPropertyName("ip")]
    public string IP { get; init => field = value ?? ""; } = "";
}
