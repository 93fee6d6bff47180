using System.Net;
using Culvert.Labs;
using Culvert.Labs.Mesh;

namespace Culvert.SystemTests.Fixtures;

/// <summary>A Service of HTTP with one pod behind it, in which nginx runs: it answers with who asks, and how.</summary>
internal sealed class HttpService : IAsyncDisposable
{
    /// <summary>The ports of nginx.</summary>
    internal const int Port = 8086, Http2Port = 8087;

    private const string Name = "shop", Vip4 = "10.96.7.9", Vip6 = "fd96::7:9";

    private readonly MeshFixture _mesh;
    private readonly LabProcess _nginx;

    private HttpService(MeshFixture mesh, LabProcess nginx) => (_mesh, _nginx) = (mesh, nginx);

    /// <summary>Its address of IPv4.</summary>
    internal static IPAddress Address4 { get; } = IPAddress.Parse(Vip4);

    /// <summary>Starts it, and waits until both nodes know it.</summary>
    /// <param name="mesh">Where.</param>
    /// <param name="pod">The pod behind it.</param>
    /// <param name="protocol">What its port speaks.</param>
    internal static async Task<HttpService> StartAsync(MeshFixture mesh, LabPod pod, string protocol)
    {
        var nginx = await LabNginx.StartAsync(pod, "http", $$"""
            http {
                access_log off;
                keepalive_requests 100000;
                server {
                    listen {{Port}};
                    listen [::]:{{Port}} ipv6only=on;
                    listen {{Http2Port}} http2;
                    listen [::]:{{Http2Port}} http2 ipv6only=on;
                    location / { return 200 "\n$remote_addr $server_protocol $request_method [$http_connection] $request_uri\n"; }
                    location /large { root .; }
                    location ~ ^/put { root .; client_max_body_size 100m; create_full_put_path on; dav_methods PUT; }
                }
            }
            """);
        HttpService service = new(mesh, nginx);
        try
        {
            await File.WriteAllBytesAsync(Path.Combine(pod.Lab.Folder, $"http-{pod.Name}", "large"), new byte[1 << 20]);
            mesh.Mesh.Objects.Write(Name, ObjectsOf(pod, protocol, protocol == "http" ? Port : Http2Port));
            await Task.WhenAll(mesh.Mesh.Nodes.Select(n => n.WaitForServiceAsync(Name)));
            await LabWait.UntilAsync("nginx listens", async () => (await pod.ScriptAsync("ss -Hltn")).Contains($":{Http2Port} ", StringComparison.Ordinal), TimeSpan.FromSeconds(10), nginx);
            return service;
        }
        catch
        {
            await service.DisposeAsync();
            throw;
        }
    }

    /// <summary>Where it is asked.</summary>
    internal static string Url(TestFamily family = TestFamily.IPv4) => family == TestFamily.IPv4 ? $"http://{Vip4}" : $"http://[{Vip6}]";

    public async ValueTask DisposeAsync()
    {
        _mesh.Mesh.Objects.Remove(Name);
        await Task.WhenAll(_mesh.Mesh.Nodes.Select(n => n.WaitForServiceAsync(Name, present: false)));
        await _nginx.StopAsync(TimeSpan.FromSeconds(10));
    }

    private static string ObjectsOf(LabPod pod, string protocol, int port) =>
        MeshObjects.LeadingTo(MeshObjects.Speaking(MeshObjects.Service(Name, "web", 80, port, Vip4, Vip6), protocol), Name, "web", pod, port);
}
