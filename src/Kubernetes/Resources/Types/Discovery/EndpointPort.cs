namespace Culvert.Kubernetes.Resources;

/// <summary>A port of endpoints.</summary>
public sealed record EndpointPort
{
    /// <summary>Name of the Service's port.</summary>
    public string? Name { get; init; }

    /// <summary>1 to 65535; null for all ports.</summary>
    public int? Port { get; init; }

    /// <summary>TCP, UDP or SCTP.</summary>
    public string Protocol { get; init => field = value ?? "TCP"; } = "TCP";

    /// <summary>What is spoken.</summary>
    public string? AppProtocol { get; init; }
}
