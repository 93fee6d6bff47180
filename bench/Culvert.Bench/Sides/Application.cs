using Culvert.Labs;

namespace Culvert.Bench.Sides;

/// <summary>The programs in a server pod, the same on both sides: nginx for requests, iperf3 for bulk.</summary>
internal static class Application
{
    public const int HttpPort = 80;

    /// <summary>The same as at <see cref="HttpPort"/>, where the mesh is told that it is HTTP/1.1.</summary>
    public const int Http1Port = 8080;

    /// <summary>The same in HTTP/2, by prior knowledge.</summary>
    public const int Http2Port = 8082;

    /// <summary>What each request is answered.</summary>
    public const string Answer = "Hello from the application behind the mesh.\n";

    public const int BulkPort = 5201;

    private static string Configuration => Nginx.Common + $$"""
        http {
          access_log off;
          keepalive_requests 1000000000;
          keepalive_timeout 600s;
          tcp_nodelay on;
          server {
            listen {{HttpPort}} reuseport backlog=4096;
            listen {{Http1Port}} reuseport backlog=4096;
            listen {{Http2Port}} http2 reuseport backlog=4096;
            location / { default_type text/plain; return 200 "{{Answer}}"; }
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
