using Culvert.Bench.Running;

namespace Culvert.Bench.Peers;

/// <summary>Starts nginx in a namespace. nginx goes to the background only after its sockets listen, so returning means ready.</summary>
internal static class Nginx
{
    public static async Task StartAsync(
        string name, string netns, string directory, string configuration, CleanupStack cleanup, CancellationToken cancellationToken)
    {
        string prefix = Path.Combine(directory, name);
        Directory.CreateDirectory(prefix);
        string file = Path.Combine(prefix, "nginx.conf");
        await File.WriteAllTextAsync(file, configuration, cancellationToken);
        string[] command = ["nginx", "-p", prefix, "-c", file, "-e", Path.Combine(prefix, "error.log")];
        await Command.RunAsync(netns, command, cancellationToken: cancellationToken);
        cleanup.Push($"nginx {name}", () => Command.RunAsync(netns, [.. command, "-s", "stop"]));
    }

    /// <summary>Settings all nginx of the bench share; see the README for the reasons.</summary>
    internal const string Common = """
        worker_processes 2;
        worker_rlimit_nofile 65536;
        pid nginx.pid;
        events { worker_connections 16384; multi_accept on; }

        """;
}
