
namespace Culvert.Bench.Sides;

/// <summary>
/// The peer: an nginx sidecar in each pod's namespace, mutual TLS 1.3 between them. The client calls its sidecar's port directly, which
/// spares the peer the cost of capture.
/// </summary>
internal static class NginxPair
{
    public const string Name = "nginx pair";

    private const int OutboundHttp = 9080;
    private const int OutboundBulk = 9520;
    private const int InboundHttp = 9443;
    private const int InboundBulk = 9544;

    public static async Task<Target> StartAsync(Topology lab, CancellationToken cancellationToken)
    {
        string directory = lab.Lab.Folder;
        SidecarPki.Write(directory, "client", "server");
        string server = lab.ServerCross.Address4.ToString();
        await Nginx.StartAsync(lab.ServerCross, "sidecar-in", Inbound(directory, server), cancellationToken);
        await Nginx.StartAsync(lab.Client, "sidecar-out", Outbound(directory, server), cancellationToken);
        return new Target(lab.Client, "127.0.0.1", OutboundHttp, OutboundBulk);
    }

    internal static string Outbound(string directory, string server) => Head + $$"""
          proxy_ssl on;
        {{SidecarTls.Client("proxy_ssl", directory)}}
          server { listen 127.0.0.1:{{OutboundHttp}} reuseport backlog=4096; proxy_pass {{server}}:{{InboundHttp}}; }
          server { listen 127.0.0.1:{{OutboundBulk}} reuseport backlog=4096; proxy_pass {{server}}:{{InboundBulk}}; }
        }
        """;

    internal static string Inbound(string directory, string server) => Head + $$"""
        {{SidecarTls.Server(directory)}}
          server { listen {{server}}:{{InboundHttp}} ssl reuseport backlog=4096; proxy_pass 127.0.0.1:{{Application.HttpPort}}; }
          server { listen {{server}}:{{InboundBulk}} ssl reuseport backlog=4096; proxy_pass 127.0.0.1:{{Application.BulkPort}}; }
        }
        """;

    private static string Head => Nginx.CommonWithStream + """
        stream {
          access_log off;
          tcp_nodelay on;
          proxy_socket_keepalive on;
          proxy_buffer_size 64k;

        """;
}
