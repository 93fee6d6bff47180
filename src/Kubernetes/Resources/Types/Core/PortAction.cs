namespace Culvert.Kubernetes.Resources;

/// <summary>A probe of a port.</summary>
public sealed record PortAction
{
    /// <summary>Number, or name of a port of the container.</summary>
    public required IntOrString Port { get; init; }

    /// <summary>Whom to connect to; the pod when null.</summary>
    public string? Host { get; init; }
}
