using Culvert.Bench.Sides;

namespace Culvert.Bench.Http;

/// <summary>
/// The peer: an nginx sidecar in each pod's namespace that reads HTTP, mutual TLS 1.3 between them, with connections that are kept in both. The client calls its
/// sidecar's port directly, which spares the peer the cost of capture.
/// </summary>
internal static class HttpPair
{
    public const string Name = "nginx HTTP pair";

    /// <summary>Where the client speaks HTTP/2.</summary>
    public const string FrontName = "nginx HTTP pair, HTTP/2 in front, HTTP/1.1 behind";

    /// <summary>Where both sidecars speak HTTP/2.</summary>
    public const string GrpcName = "nginx gRPC pair";

    /// <summary>One nginx alone.</summary>
    public const string HopName = "nginx HTTP, one hop, no TLS";

    private const int OutboundHttp1 = 9081, OutboundHttp2 = 9082, OutboundGrpc = 9083;
    private const int InboundHttp = 9445, InboundGrpc = 9446;
    private const int HopPort = 9084, SamePort = 9085;
    private const string In = "http-in", Out = "http-out", Hop = "http-hop", OutSame = "http-out-same";

    /// <summary>Starts it beside <see cref="NginxPair"/>, whose certificates it uses.</summary>
    public static async Task<HttpTargets> StartAsync(Topology lab, CancellationToken cancellationToken)
    {
        string directory = lab.Lab.Folder;
        string server = lab.ServerCross.Address4.ToString();
        await Nginx.StartAsync(lab.ServerCross, In, Inbound(directory, server), cancellationToken);
        await Nginx.StartAsync(lab.Client, Out, Outbound(directory, server), cancellationToken);
        IReadOnlyList<int> workers = [.. await Nginx.WorkersAsync(lab.ServerCross, In, cancellationToken), .. await Nginx.WorkersAsync(lab.Client, Out, cancellationToken)];
        return HttpTargets.Of(lab.Direct(lab.ServerCross) with { Host = "127.0.0.1", Proxies = workers }, OutboundHttp1, OutboundHttp2, OutboundGrpc);
    }

    /// <summary>Starts the pair for HTTP/1.1 between pods of one node.</summary>
    /// <returns>Where the client calls it.</returns>
    public static async Task<Target> StartSameAsync(Topology lab, CancellationToken cancellationToken)
    {
        string directory = lab.Lab.Folder;
        string server = lab.ServerSame.Address4.ToString();
        await Nginx.StartAsync(lab.ServerSame, In, Inbound(directory, server), cancellationToken);
        await Nginx.StartAsync(lab.Client, OutSame, Head + $$"""
            {{SidecarTls.Client("proxy_ssl", directory)}}
            {{Upstream("http", $"{server}:{InboundHttp}")}}
              server { listen 127.0.0.1:{{SamePort}} reuseport backlog=4096; location / { proxy_pass https://http; } }
            }
            """, cancellationToken);
        IReadOnlyList<int> workers = [.. await Nginx.WorkersAsync(lab.ServerSame, In, cancellationToken), .. await Nginx.WorkersAsync(lab.Client, OutSame, cancellationToken)];
        return lab.Direct(lab.ServerSame) with { Host = "127.0.0.1", HttpPort = SamePort, Proxies = workers };
    }

    /// <summary>Starts one nginx alone, in the client's pod, as the only hop to the server of its node.</summary>
    /// <returns>Where the client calls it.</returns>
    public static async Task<Target> StartHopAsync(Topology lab, CancellationToken cancellationToken)
    {
        await Nginx.StartAsync(lab.Client, Hop, Head + $$"""
            {{Upstream("http", $"{lab.ServerSame.Address4}:{Application.HttpPort}")}}
              server { listen 127.0.0.1:{{HopPort}} reuseport backlog=4096; location / { proxy_pass http://http; } }
            }
            """, cancellationToken);
        return lab.Direct(lab.ServerSame) with { Host = "127.0.0.1", HttpPort = HopPort, Proxies = await Nginx.WorkersAsync(lab.Client, Hop, cancellationToken) };
    }

    internal static string Outbound(string directory, string server) => Head + $$"""
        {{SidecarTls.Client("proxy_ssl", directory)}}
        {{SidecarTls.Client("grpc_ssl", directory)}}
        {{Upstream("http", $"{server}:{InboundHttp}")}}
        {{Upstream("grpc", $"{server}:{InboundGrpc}")}}
          server { listen 127.0.0.1:{{OutboundHttp1}} reuseport backlog=4096; location / { proxy_pass https://http; } }
          server { listen 127.0.0.1:{{OutboundHttp2}} http2 reuseport backlog=4096; location / { proxy_pass https://http; } }
          server { listen 127.0.0.1:{{OutboundGrpc}} http2 reuseport backlog=4096; location / { grpc_pass grpcs://grpc; } }
        }
        """;

    internal static string Inbound(string directory, string server) => Head + $$"""
        {{SidecarTls.Server(directory)}}
        {{Upstream("http", $"127.0.0.1:{Application.HttpPort}")}}
        {{Upstream("grpc", $"{server}:{GrpcApplication.Port}")}}
          server { listen {{server}}:{{InboundHttp}} ssl reuseport backlog=4096; location / { proxy_pass http://http; } }
          server { listen {{server}}:{{InboundGrpc}} ssl http2 reuseport backlog=4096; location / { grpc_pass grpc://grpc; } }
        }
        """;

    // As many connections are kept as the loads have requests at once, in each worker.
    private static string Upstream(string name, string server) => $"  upstream {name} {{ server {server}; keepalive 512; keepalive_requests 1000000000; keepalive_timeout 600s; }}";

    private static string Head => Nginx.Common + """
        http {
          access_log off;
          keepalive_requests 1000000000;
          keepalive_timeout 600s;
          tcp_nodelay on;
          proxy_http_version 1.1;
          proxy_set_header Connection "";
          proxy_set_header Host $host;
          proxy_socket_keepalive on;
          grpc_set_header Host $host;
          grpc_socket_keepalive on;

        """;
}
