using Culvert.Labs;

namespace Culvert.Bench.Sides;

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

    public static async Task StartAsync(LabPod pod, CancellationToken cancellationToken)
    {
        await Nginx.StartAsync(pod, "app", Configuration, cancellationToken);
        LabProcess iperf = pod.Start("iperf3", "iperf3", "-s", "-p", $"{BulkPort}");
        await LabWait.ForListenerAsync(iperf, BulkPort, cancellationToken: cancellationToken);
    }
}
