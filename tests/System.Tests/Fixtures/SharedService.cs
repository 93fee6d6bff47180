using Culvert.Labs;
using Culvert.Labs.Mesh;

namespace Culvert.SystemTests.Fixtures;

/// <summary>A Service of HTTP with a pod on the client's node and one on the other, whose nginx says who it is, and a TrafficPolicy for it. There is no route.</summary>
internal sealed class SharedService : IAsyncDisposable
{
    private const string Name = "shared", Policy = "shared-policy";

    private readonly MeshFixture _mesh;
    private readonly RoutedService _servers;

    private SharedService(MeshFixture mesh, RoutedService servers) => (_mesh, _servers) = (mesh, servers);

    /// <summary>Its name.</summary>
    internal static string ServiceName => Name;

    /// <summary>Starts it, and waits until requests to it are read.</summary>
    /// <param name="mesh">Where.</param>
    /// <param name="family">What addresses its backends have.</param>
    /// <param name="policy">What the TrafficPolicy says, in YAML, as fields of a map.</param>
    internal static async Task<SharedService> StartAsync(MeshFixture mesh, TestFamily family, string policy)
    {
        SharedService service = new(mesh, await RoutedService.StartAsync(mesh));
        try
        {
            mesh.Mesh.Objects.Write(Name, $$"""
                apiVersion: v1
                kind: Service
                metadata: {name: {{Name}}, namespace: {{MeshObjects.Namespace}} }
                spec: {clusterIPs: [10.96.8.9, "fd96::8:9"], ports: [{name: http, port: 80}]}
                ---
                apiVersion: discovery.k8s.io/v1
                kind: EndpointSlice
                metadata: {name: {{Name}}, namespace: {{MeshObjects.Namespace}}, labels: {kubernetes.io/service-name: {{Name}} } }
                addressType: {{family}}
                endpoints: [{addresses: ["{{MeshFixture.AddressOf(mesh.Near, family)}}"]}, {addresses: ["{{MeshFixture.AddressOf(mesh.Far, family)}}"]}]
                ports: [{name: http, port: {{HttpService.Port}} }]

                """);
            mesh.Mesh.Objects.Write(Policy, $$"""
                apiVersion: culvert.dev/v1alpha1
                kind: TrafficPolicy
                metadata: {name: {{Name}}, namespace: {{MeshObjects.Namespace}} }
                spec: {targetRef: {kind: Service, name: {{Name}} }, {{policy}} }

                """);
            await Task.WhenAll(mesh.Mesh.Nodes.Select(n => n.WaitForServiceAsync(Name)));
            await LabWait.UntilAsync("requests are read", async () => (await mesh.Node1.ExplainAsync("demo/client", $"demo/{Name}", 80)).Reason == "routed", TimeSpan.FromSeconds(10));
            return service;
        }
        catch
        {
            await service.DisposeAsync();
            throw;
        }
    }

    /// <summary>Where it is asked.</summary>
    internal static string Url(TestFamily family = TestFamily.IPv4) => family == TestFamily.IPv4 ? "http://10.96.8.9" : "http://[fd96::8:9]";

    public async ValueTask DisposeAsync()
    {
        _mesh.Mesh.Objects.Remove(Policy);
        _mesh.Mesh.Objects.Remove(Name);
        await Task.WhenAll(_mesh.Mesh.Nodes.Select(n => n.WaitForServiceAsync(Name, present: false)));
        await _servers.DisposeAsync();
    }
}
