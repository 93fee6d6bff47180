using System.Text.Json.Serialization;

namespace Culvert.Kubernetes.Resources;

/// <summary>A port of a container.</summary>
public sealed record ContainerPort
{
    /// <summary>Name that Services may say.</summary>
    public string? Name { get; init; }

    /// <summary>1 to 65535.</summary>
    [JsonPropertyName("containerPort")]
    public required int ContainerPortNumber { get; init; }

    /// <summary>The same port of its node, or null.</summary>
    public int? HostPort { get; init; }

    /// <summary>TCP, UDP or SCTP.</summary>
    public string Protocol { get; init => field = value ?? "TCP"; } = "TCP";
}
