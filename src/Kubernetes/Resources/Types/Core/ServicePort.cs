namespace Culvert.Kubernetes.Resources;

/// <summary>A port of a Service.</summary>
public sealed record ServicePort
{
    /// <summary>Its name; null where it is the only one.</summary>
    public string? Name { get; init; }

    /// <summary>TCP, UDP or SCTP.</summary>
    public string Protocol { get; init => field = value ?? "TCP"; } = "TCP";

    /// <summary>What is spoken.</summary>
    public string? AppProtocol { get; init; }

    /// <summary>1 to 65535.</summary>
    public required int Port { get; init; }

    /// <summary>Port of the pods by number or name; the same when null.</summary>
    public IntOrString? TargetPort { get; init; }

    /// <summary>Port of all nodes, or null.</summary>
    public int? NodePort { get; init; }
}
