namespace Culvert.Kubernetes.Tests.Cluster;

/// <summary>Where the programs of Kubernetes are: in the folder that the variable KUBERNETES names, or where eng/kubernetes.sh puts them.</summary>
internal static class KubernetesBinaries
{
    private static readonly string[] Needed = ["etcd", "kube-apiserver", "kubectl"];

    internal static string Folder { get; } = Environment.GetEnvironmentVariable("KUBERNETES") is { Length: > 0 } said ? said : Path.Combine(Cache(), "culvert", "kubernetes", "1.20");

    /// <summary>Why tests can't run; null when they can.</summary>
    internal static string? Missing { get; } =
        Needed.Where(n => !File.Exists(Path.Combine(Folder, n))).ToArray() is { Length: > 0 } missing ? $"there is no {string.Join(", ", missing)} in {Folder}; eng/kubernetes.sh gets them" : null;

    internal static string Of(string program) => Path.Combine(Folder, program);

    private static string Cache() => Environment.GetEnvironmentVariable("XDG_CACHE_HOME") is { Length: > 0 } cache
        ? cache
        : Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".cache");
}
