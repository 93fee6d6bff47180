using System.Text.Json.Serialization;

namespace Culvert.Kubernetes.Resources;

/// <summary>What a Service is to be.</summary>
public sealed record ServiceSpec
{
    /// <summary>ClusterIP, NodePort, LoadBalancer or ExternalName.</summary>
    public string Type { get; init => field = value ?? "ClusterIP"; } = "ClusterIP";

    /// <summary>Its first address; None for a headless one.</summary>
    public string? ClusterIP { get; init; }

    /// <summary>Its addresses, one per family.</summary>
    public IReadOnlyList<string> ClusterIPs { get; init => field = value ?? []; } = [];

    /// <summary>Further addresses, of others.</summary>
    public IReadOnlyList<string> ExternalIPs { get; init => field = value ?? []; } = [];

    /// <summary>What an ExternalName stands for.</summary>
    public string? ExternalName { get; init; }

    /// <summary>IPv4, IPv6, in order of preference.</summary>
    [JsonPropertyName("ipFamilies")]
    public IReadOnlyList<string> IPFamilies { get; init => field = value ?? []; } = [];

    /// <summary>Labels of its pods; empty where others write its endpoints.</summary>
    public IReadOnlyDictionary<string, string> Selector { get; init => field = value ?? Empty.Strings; } = Empty.Strings;

    /// <summary>Its ports.</summary>
    public IReadOnlyList<ServicePort> Ports { get; init => field = value ?? []; } = [];

    /// <summary>None or ClientIP.</summary>
    public string? SessionAffinity { get; init; }

    /// <summary>Cluster or Local: endpoints of the client's node only.</summary>
    public string? InternalTrafficPolicy { get; init; }

    /// <summary>The same for what comes from outside.</summary>
    public string? ExternalTrafficPolicy { get; init; }

    /// <summary>Whether pods that are not ready are endpoints as well.</summary>
    public bool PublishNotReadyAddresses { get; init; }

    /// <summary>A preference for near endpoints, or null.</summary>
    public string? TrafficDistribution { get; init; }
}
