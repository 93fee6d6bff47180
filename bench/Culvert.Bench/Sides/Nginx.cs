using Culvert.Bench.Measuring;
using Culvert.Labs;

namespace Culvert.Bench.Sides;

/// <summary>Starts nginx in a pod. nginx goes to the background only after its sockets listen, so returning means ready; the lab stops it.</summary>
internal static class Nginx
{
    private const int Workers = 2;
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(10);

    /// <summary>Settings all nginx of the bench share; see the README for the reasons.</summary>
    internal static string Common => $$"""
        user root;
        worker_processes {{Workers}};
        worker_rlimit_nofile 65536;
        pid nginx.pid;
        events { worker_connections 16384; multi_accept on; }

        """;

    /// <summary><see cref="Common"/> for an nginx that has the stream module.</summary>
    /// <exception cref="FileNotFoundException">The module is not installed.</exception>
    internal static string CommonWithStream => $"load_module {NginxModules.Stream()};\n" + Common;

    /// <exception cref="ToolFailedException">nginx refused its configuration or could not listen.</exception>
    public static async Task StartAsync(LabNamespace pod, string name, string configuration, CancellationToken cancellationToken)
    {
        string prefix = Prefix(pod, name);
        Directory.CreateDirectory(prefix);
        string file = Path.Combine(prefix, "nginx.conf");
        await File.WriteAllTextAsync(file, configuration, cancellationToken);
        ToolResult result = await pod.RunAsync(
            "nginx", ["-p", prefix, "-c", file, "-e", Path.Combine(prefix, "error.log")], cancellationToken: cancellationToken);
        if (!result.Succeeded) throw new ToolFailedException($"nginx as {name} in {pod.Namespace}: {result.Error.Trim()}");
    }

    /// <summary>Its processes: the workers, which do all of the work.</summary>
    /// <param name="pod">Where it was started.</param>
    /// <param name="name">As what.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <exception cref="TimeoutException">It has not started them.</exception>
    public static async Task<IReadOnlyList<int>> WorkersAsync(LabNamespace pod, string name, CancellationToken cancellationToken)
    {
        // Both come after nginx has gone to the background.
        string file = Path.Combine(Prefix(pod, name), "nginx.pid");
        IReadOnlyList<int> workers = [];
        await LabWait.UntilAsync($"nginx as {name} in {pod.Namespace} has its workers", () =>
        {
            if (File.Exists(file) && int.TryParse(File.ReadAllText(file), out int main)) workers = ProcFile.Children(main);
            return Task.FromResult(workers.Count == Workers);
        }, Deadline, cancellationToken: cancellationToken);
        return workers;
    }

    private static string Prefix(LabNamespace pod, string name) => Path.Combine(pod.Lab.Folder, $"{pod.Name}.{name}");
}
