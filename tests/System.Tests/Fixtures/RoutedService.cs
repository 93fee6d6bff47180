using Culvert.Labs;
using Culvert.Labs.Mesh;

namespace Culvert.SystemTests.Fixtures;

/// <summary>A Service without pods of its own, whose requests routes lead to two others: one with a pod on the client's node, one with a pod on the other. In both nginx answers who it is and what it was asked.</summary>
internal sealed class RoutedService : IAsyncDisposable
{
    /// <summary>The Services.</summary>
    internal const string Name = "routed", Near = "routed-near", Far = "routed-far";

    private const string Route = "routed-route";

    private static readonly string[] Names = [Name, Near, Far];

    private readonly MeshFixture _mesh;
    private readonly List<LabProcess> _servers = [];

    private RoutedService(MeshFixture mesh) => _mesh = mesh;

    /// <summary>Starts it, and waits until both nodes know it.</summary>
    /// <param name="mesh">Where.</param>
    /// <param name="protocol">What its port speaks: <c>http</c> or <c>kubernetes.io/h2c</c>.</param>
    /// <param name="ofBackends">What those of the others speak; null: the same.</param>
    internal static async Task<RoutedService> StartAsync(MeshFixture mesh, string protocol = "http", string? ofBackends = null)
    {
        ofBackends ??= protocol;
        RoutedService service = new(mesh);
        try
        {
            int port = ofBackends == "http" ? HttpService.Port : HttpService.Http2Port;
            await service.ServeAsync(mesh.Near, "near");
            await service.ServeAsync(mesh.Far, "far");
            mesh.Mesh.Objects.Write(Name, Speaking(Name, 1, protocol));
            mesh.Mesh.Objects.Write(Near, MeshObjects.LeadingTo(Speaking(Near, 2, ofBackends), Near, "nobody", mesh.Near, port));
            mesh.Mesh.Objects.Write(Far, MeshObjects.LeadingTo(Speaking(Far, 3, ofBackends), Far, "nobody", mesh.Far, port));
            await Task.WhenAll(mesh.Mesh.Nodes.SelectMany(n => Names.Select(name => n.WaitForServiceAsync(name))));
            return service;
        }
        catch
        {
            await service.DisposeAsync();
            throw;
        }

        static string Speaking(string name, int number, string protocol) => MeshObjects.Speaking(MeshObjects.Service(name, "nobody", 80, 80, $"10.96.8.{number}", $"fd96::8:{number}"), protocol);
    }

    /// <summary>Where it is asked.</summary>
    internal static string Url(TestFamily family = TestFamily.IPv4) => family == TestFamily.IPv4 ? "http://10.96.8.1" : "http://[fd96::8:1]";

    /// <summary>Puts a route in force; it is known when requests are answered in a way that only it says.</summary>
    /// <param name="rules">Its rules, in YAML.</param>
    internal void Apply(string rules) => _mesh.Mesh.Objects.Write(Route, $"""
        apiVersion: gateway.networking.k8s.io/v1
        kind: HTTPRoute
        metadata: {"{"}name: routed, namespace: {MeshObjects.Namespace}{"}"}
        spec:
          parentRefs: [{"{"}group: "", kind: Service, name: {Name}{"}"}]
          rules: [{rules.ReplaceLineEndings(" ")}]

        """);

    /// <summary>The same, with what all requests are divided between.</summary>
    internal void Divide(int near, int far) => Apply($"{"{"}backendRefs: [{"{"}name: {Near}, port: 80, weight: {near}{"}"}, {"{"}name: {Far}, port: 80, weight: {far}{"}"}]{"}"}");

    public async ValueTask DisposeAsync()
    {
        _mesh.Mesh.Objects.Remove(Route);
        foreach (string name in Names) _mesh.Mesh.Objects.Remove(name);
        await Task.WhenAll(_mesh.Mesh.Nodes.Select(n => n.WaitForServiceAsync(Name, present: false)));
        foreach (LabProcess server in _servers) await server.StopAsync(TimeSpan.FromSeconds(10));
    }

    private async Task ServeAsync(LabPod pod, string name)
    {
        LabProcess nginx = await LabNginx.StartAsync(pod, "routed", $$"""
            http {
                access_log off;
                keepalive_requests 100000000;
                server {
                    listen {{HttpService.Port}};
                    listen [::]:{{HttpService.Port}} ipv6only=on;
                    listen {{HttpService.Http2Port}} http2;
                    listen [::]:{{HttpService.Http2Port}} http2 ipv6only=on;
                    location / { return 200 "{{name}} $remote_addr $host $request_uri [$http_x_set]\n"; }
                    location /version { return 200 "$server_protocol\n"; }
                    location /fails { return {{(name == "near" ? "503" : "200 \"far\"")}}; }
                }
            }
            """);
        _servers.Add(nginx);
        await LabWait.UntilAsync("nginx listens", async () => (await pod.ScriptAsync("ss -Hltn")).Contains($":{HttpService.Http2Port} ", StringComparison.Ordinal), TimeSpan.FromSeconds(10), nginx);
    }
}
