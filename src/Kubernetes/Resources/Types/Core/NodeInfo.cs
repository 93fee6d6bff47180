namespace Culvert.Kubernetes.Resources;

/// <summary>What runs on a node.</summary>
public sealed record NodeInfo
{
    /// <summary>As uname says.</summary>
    public string? KernelVersion { get; init; }

    /// <summary>The distribution.</summary>
    public string? OsImage { get; init; }

    /// <summary>The kubelet.</summary>
    public string? KubeletVersion { get; init; }

    /// <summary>The runtime.</summary>
    public string? ContainerRuntimeVersion { get; init; }

    /// <summary>The processor.</summary>
    public string? Architecture { get; init; }
}
