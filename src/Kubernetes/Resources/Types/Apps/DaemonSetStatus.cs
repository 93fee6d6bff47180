namespace Culvert.Kubernetes.Resources;

/// <summary>What has become of a DaemonSet.</summary>
public sealed record DaemonSetStatus
{
    /// <summary>The generation that the rest is about.</summary>
    public long ObservedGeneration { get; init; }

    /// <summary>Nodes that are to have a pod of it.</summary>
    public int DesiredNumberScheduled { get; init; }

    /// <summary>Nodes that have one of the present template.</summary>
    public int UpdatedNumberScheduled { get; init; }

    /// <summary>Nodes whose pod has been ready for long enough.</summary>
    public int NumberAvailable { get; init; }
}
