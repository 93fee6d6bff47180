namespace Culvert.Kubernetes.Resources;

/// <summary>Some of the endpoints of a Service (discovery.k8s.io/v1).</summary>
public sealed record EndpointSlice : IKubernetesObject
{
    /// <inheritdoc/>
    public string? ApiVersion { get; init; } = "discovery.k8s.io/v1";

    /// <inheritdoc/>
    public string? Kind { get; init; } = "EndpointSlice";

    /// <inheritdoc/>
    public ObjectMeta Metadata { get; init => field = value ?? new(); } = new();

    /// <summary>IPv4, IPv6 or FQDN.</summary>
    public string AddressType { get; init => field = value ?? "IPv4"; } = "IPv4";

    /// <summary>The endpoints.</summary>
    public IReadOnlyList<Endpoint> Endpoints { get; init => field = value ?? []; } = [];

    /// <summary>Ports that all of them have.</summary>
    public IReadOnlyList<EndpointPort> Ports { get; init => field = value ?? []; } = [];
}
