namespace Culvert.Kubernetes.Authentication;

/// <summary>What a plugin is told.</summary>
internal sealed class ExecCredentialSpec
{
    public bool Interactive { get; init; }

    public ExecCredentialCluster? Cluster { get; init; }
}
