using Culvert.Bench.Lab;
using Culvert.Bench.Running;

namespace Culvert.Bench.Peers;

/// <summary>The programs in a server pod, the same on both sides: nginx for requests, iperf3 for bulk.</summary>
internal static class Application
{
    public const int HttpPort = 80;

    public const int BulkPort = 5201;

    private const string Configuration = Nginx.Common + """
        http {
          access_log off;
          keepalive_requests 1000000000;
          keepalive_timeout 600s;
          tcp_nodelay on;
          server {
            listen 80 reuseport backlog=4096;
            location / { default_type text/plain; return 200 "Hello from the application behind the mesh.\n"; }
          }
        }
        """;

    public static async Task StartAsync(Pod pod, string directory, CleanupStack cleanup, CancellationToken cancellationToken)
    {
        await Nginx.StartAsync($"app-{pod.Netns}", pod.Netns, directory, Configuration, cleanup, cancellationToken);
        Daemon iperf = Daemon.Start("iperf3 server", pod.Netns, ["iperf3", "-s", "--forceflush", "-p", $"{BulkPort}"]);
        cleanup.Push("iperf3 server", iperf);
        await iperf.WaitForLineAsync("Server listening", TimeSpan.FromSeconds(10), cancellationToken);
    }
}
