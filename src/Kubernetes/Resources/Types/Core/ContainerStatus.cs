namespace Culvert.Kubernetes.Resources;

/// <summary>What has become of a container.</summary>
public sealed record ContainerStatus
{
    /// <summary>Its name.</summary>
    public string Name { get; init => field = value ?? ""; } = "";

    /// <summary>Whether its readiness probe succeeds.</summary>
    public bool Ready { get; init; }

    /// <summary>How often it was started again.</summary>
    public int RestartCount { get; init; }

    /// <summary>Runtime and id, e.g. <c>containerd://…</c>; null before it has one.</summary>
    public string? ContainerID { get; init; }

    /// <summary>What it is at.</summary>
    public ContainerState State { get; init => field = value ?? new(); } = new();

    /// <summary>What it was at before it was started again.</summary>
    public ContainerState LastState { get; init => field = value ?? new(); } = new();
}
