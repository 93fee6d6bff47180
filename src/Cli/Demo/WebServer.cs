using Culvert.Labs;

namespace Culvert.Cli.Demo;

/// <summary>nginx in a pod: a short page at /, a file at /file as fast as it goes and at /slow with 4 MB/s; at /fails the one of the first node is out of order.</summary>
internal static class WebServer
{
    /// <summary>Size of the file, in bytes.</summary>
    public const long FileSize = 24L * 1024 * 1024;

    public static async Task<LabProcess> StartAsync(LabPod pod, CancellationToken cancellationToken)
    {
        var folder = Path.Combine(pod.Lab.Folder, "nginx-" + pod.Name);
        Directory.CreateDirectory(folder);
        await WriteFileAsync(Path.Combine(folder, "file"), cancellationToken);
        var configuration = Path.Combine(folder, "nginx.conf");
        await File.WriteAllTextAsync(configuration, Configuration(pod, folder), cancellationToken);
        var server = pod.Start("nginx", "nginx", "-p", folder, "-c", configuration, "-e", Path.Combine(folder, "error.log"));
        await LabWait.ForListenerAsync(server, DemoWorld.Port, null, cancellationToken);
        return server;
    }

    private static async Task WriteFileAsync(string path, CancellationToken cancellationToken)
    {
        var block = new byte[64 * 1024];
        var text = System.Text.Encoding.ASCII.GetBytes(DemoWorld.Marker + "\n");
        for (var i = 0; i < block.Length; i++)
        {
            block[i] = text[i % text.Length];
        }

        await using var file = File.Create(path);
        for (var written = 0L; written < FileSize; written += block.Length)
        {
            await file.WriteAsync(block, cancellationToken);
        }
    }

    private static string Configuration(LabPod pod, string folder) => $$"""
        daemon off;
        master_process off;
        user root;
        pid {{folder}}/nginx.pid;
        events { worker_connections 4096; }
        http {
            access_log {{folder}}/access.log;
            server {
                listen {{DemoWorld.Port}} backlog=4096;
                listen [::]:{{DemoWorld.Port}} ipv6only=on backlog=4096;
                location / { return 200 "{{DemoWorld.Marker}} server={{pod.Name}} client=$remote_addr \n"; }
                location /fails { return {{(pod.Name == "near" ? "503" : $"200 \"server={pod.Name}\"")}}; }
                location /file { alias {{folder}}/file; }
                location /slow { alias {{folder}}/file; limit_rate 4m; }
            }
        }

        """;
}
