namespace Culvert.Kubernetes.Resources;

/// <summary>A container of a pod.</summary>
public sealed record Container
{
    /// <summary>Its name.</summary>
    public string Name { get; init => field = value ?? ""; } = "";

    /// <summary>Its image.</summary>
    public string? Image { get; init; }

    /// <summary>Always, for an init container that is a sidecar; null for all others.</summary>
    public string? RestartPolicy { get; init; }

    /// <summary>What it says it listens on.</summary>
    public IReadOnlyList<ContainerPort> Ports { get; init => field = value ?? []; } = [];

    /// <summary>Restarts it when it fails.</summary>
    public Probe? LivenessProbe { get; init; }

    /// <summary>Takes the pod out of Services while it fails.</summary>
    public Probe? ReadinessProbe { get; init; }

    /// <summary>Keeps the others back until it succeeded.</summary>
    public Probe? StartupProbe { get; init; }
}
