namespace Culvert.Kubernetes.Configuration;

/// <summary>Finds how to reach the cluster, where that is not said.</summary>
public static class ClusterConfigurations
{
    /// <summary>In this order: the file that is said, those of KUBECONFIG, the pod's service account, <c>~/.kube/config</c>.</summary>
    /// <param name="kubeconfig">A kubeconfig file; null for none said.</param>
    /// <param name="context">A context of it, or of what is found; null for the current one.</param>
    /// <exception cref="ConfigurationException">There is none, or it is wrong.</exception>
    public static ClusterConfiguration Find(string? kubeconfig = null, string? context = null) => Find(kubeconfig, context, Environment.GetEnvironmentVariable);

    internal static ClusterConfiguration Find(string? kubeconfig, string? context, Func<string, string?> environment)
    {
        if (!string.IsNullOrEmpty(kubeconfig)) return Kubeconfig.Load([kubeconfig], context);
        string[] files = (environment("KUBECONFIG") ?? "").Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries);
        if (files.Length > 0) return Kubeconfig.Load(files, context);
        if (InCluster.IsHere(environment) && string.IsNullOrEmpty(context)) return InCluster.Load(environment);
        if (environment("HOME") is not { Length: > 0 } home) throw new ConfigurationException("no kubeconfig is said, KUBECONFIG and HOME are not set, and this is no pod of a cluster");
        string file = Path.Combine(home, ".kube", "config");
        return File.Exists(file) ? Kubeconfig.Load([file], context) : throw new ConfigurationException("is not there, KUBECONFIG is not set, and this is no pod of a cluster", file);
    }
}
