using System.Diagnostics;

namespace Culvert.Kubernetes.Tests.Cluster;

/// <summary>
/// Where the programs of Kubernetes are: in the folder that the variable KUBERNETES names, else in that of the newest version in the user's cache (<c>culvert/kubernetes/1.36</c> and the like), where
/// eng/kubernetes.sh puts 1.20.
/// </summary>
internal static class KubernetesBinaries
{
    private static readonly Lazy<bool> Old = new(() => ReadVersion().StartsWith("Kubernetes v1.20", StringComparison.Ordinal));
    private static readonly string[] Needed = ["etcd", "kube-apiserver", "kubectl"];

    internal static string Folder { get; } = Environment.GetEnvironmentVariable("KUBERNETES") is { Length: > 0 } said ? Path.GetFullPath(said) : Newest();

    /// <summary>Why tests can't run; null when they can.</summary>
    internal static string? Missing { get; } =
        Needed.Where(n => !File.Exists(Path.Combine(Folder, n))).ToArray() is { Length: > 0 } missing ? $"there is no {string.Join(", ", missing)} in {Folder}; eng/kubernetes.sh gets them" : null;

    internal static string Of(string program) => Path.Combine(Folder, program);

    /// <summary>Whether they are of 1.20, a stand-in for the versions that people have, which lacks some of what is in these.</summary>
    internal static bool IsOld => Old.Value;

    private static string ReadVersion()
    {
        using Process server = Process.Start(new ProcessStartInfo(Of("kube-apiserver"), ["--version"]) { RedirectStandardOutput = true })!;
        return server.StandardOutput.ReadToEnd();
    }

    private static string Newest()
    {
        string parent = Path.Combine(Cache(), "culvert", "kubernetes");
        string[] folders = Directory.Exists(parent) ? Directory.GetDirectories(parent) : [];
        return folders.Where(f => Version.TryParse(Path.GetFileName(f), out _) && Needed.All(n => File.Exists(Path.Combine(f, n)))).MaxBy(f => Version.Parse(Path.GetFileName(f))) ?? Path.Combine(parent, "1.20");
    }

    private static string Cache() => Environment.GetEnvironmentVariable("XDG_CACHE_HOME") is { Length: > 0 } cache
        ? cache
        : Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".cache");
}
