namespace Culvert.Kubernetes.Resources;

/// <summary>What has become of a pod.</summary>
public sealed record PodStatus
{
    /// <summary>Pending, Running, Succeeded, Failed or Unknown.</summary>
    public string? Phase { get; init; }

    /// <summary>Why, in a word.</summary>
    public string? Reason { get; init; }

    /// <summary>Why.</summary>
    public string? Message { get; init; }

    /// <summary>Its first address; null before it has one.</summary>
    public string? PodIP { get; init; }

    /// <summary>Its addresses, one per family.</summary>
    public IReadOnlyList<PodIP> PodIPs { get; init => field = value ?? []; } = [];

    /// <summary>The address of its node.</summary>
    public string? HostIP { get; init; }

    /// <summary>Ready and others.</summary>
    public IReadOnlyList<Condition> Conditions { get; init => field = value ?? []; } = [];

    /// <summary>Of its containers.</summary>
    public IReadOnlyList<ContainerStatus> ContainerStatuses { get; init => field = value ?? []; } = [];

    /// <summary>When the kubelet took it up.</summary>
    public DateTimeOffset? StartTime { get; init; }
}
