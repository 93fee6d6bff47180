namespace Culvert.Kubernetes.Configuration;

/// <summary>A program that says credentials (client.authentication.k8s.io).</summary>
internal sealed class ExecSettings
{
    /// <summary>The version that the kubeconfig names: v1, or v1beta1, which most clouds' plugins speak. The program has to answer in the same.</summary>
    public required string ApiVersion { get; init; }

    /// <summary>The program: a path, or a name to be found in PATH.</summary>
    public required string Command { get; init; }

    public required IReadOnlyList<string> Arguments { get; init; }

    /// <summary>Added to the environment.</summary>
    public required IReadOnlyList<KeyValuePair<string, string>> Environment { get; init; }

    /// <summary>What to do for people who don't have the program, or null.</summary>
    public string? InstallHint { get; init; }

    /// <summary>Whether the program is told about the cluster.</summary>
    public bool ProvideClusterInfo { get; init; }

    /// <summary>Extension <c>client.authentication.k8s.io/exec</c> of the cluster, as JSON; null where there is none.</summary>
    public string? ClusterConfig { get; init; }
}
