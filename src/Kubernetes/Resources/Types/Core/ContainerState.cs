namespace Culvert.Kubernetes.Resources;

/// <summary>What a container is at; one of them. All are null while it runs.</summary>
public sealed record ContainerState
{
    /// <summary>It waits to be started.</summary>
    public ContainerWaiting? Waiting { get; init; }

    /// <summary>It has ended.</summary>
    public ContainerTerminated? Terminated { get; init; }
}
