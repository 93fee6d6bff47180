namespace Culvert.Kubernetes.Resources;

/// <summary>What a pod is to be.</summary>
public sealed record PodSpec
{
    /// <summary>The node it is on; null while it is not scheduled.</summary>
    public string? NodeName { get; init; }

    /// <summary>Who it runs as.</summary>
    public string ServiceAccountName { get; init => field = value ?? "default"; } = "default";

    /// <summary>Whether it is in the network namespace of its node.</summary>
    public bool HostNetwork { get; init; }

    /// <summary>Its containers.</summary>
    public IReadOnlyList<Container> Containers { get; init => field = value ?? []; } = [];

    /// <summary>Those that run before, or all the time where <see cref="Container.RestartPolicy"/> says Always.</summary>
    public IReadOnlyList<Container> InitContainers { get; init => field = value ?? []; } = [];

    /// <summary>Always, OnFailure or Never.</summary>
    public string? RestartPolicy { get; init; }

    /// <summary>Seconds between being asked to end and being killed.</summary>
    public long? TerminationGracePeriodSeconds { get; init; }
}
