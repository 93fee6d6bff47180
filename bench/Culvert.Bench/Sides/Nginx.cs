using Culvert.Labs;

namespace Culvert.Bench.Sides;

/// <summary>Starts nginx in a pod. nginx goes to the background only after its sockets listen, so returning means ready; the lab stops it.</summary>
internal static class Nginx
{
    /// <summary>Settings all nginx of the bench share; see the README for the reasons.</summary>
    internal const string Common = """
        user root;
        worker_processes 2;
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
        string prefix = Path.Combine(pod.Lab.Folder, $"{pod.Name}.{name}");
        Directory.CreateDirectory(prefix);
        string file = Path.Combine(prefix, "nginx.conf");
        await File.WriteAllTextAsync(file, configuration, cancellationToken);
        ToolResult result = await pod.RunAsync(
            "nginx", ["-p", prefix, "-c", file, "-e", Path.Combine(prefix, "error.log")], cancellationToken: cancellationToken);
        if (!result.Succeeded) throw new ToolFailedException($"nginx as {name} in {pod.Namespace}: {result.Error.Trim()}");
    }
}
