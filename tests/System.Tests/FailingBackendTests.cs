using System.Text.RegularExpressions;
using Culvert.Labs;
using Culvert.Labs.Mesh;
using Culvert.SystemTests.Fixtures;

namespace Culvert.SystemTests;

/// <summary>A Service of HTTP with a pod on the client's node and one on the other, of which the near one fails: what a TrafficPolicy makes of that, without any route.</summary>
[Collection(MeshCollection.Name)]
public sealed class FailingBackendTests(MeshFixture mesh)
{
    private const string Name = "resilient", Policy = "resilient-policy";

    [Theory]
    [InlineData(TestFamily.IPv4)]
    [InlineData(TestFamily.IPv6)]
    public async Task A_backend_whose_requests_fail_gets_none_for_a_while(TestFamily family)
    {
        await using RoutedService servers = await RoutedService.StartAsync(mesh);
        double ejections = await EjectionsAsync();
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
            spec: {targetRef: {kind: Service, name: {{Name}} }, outlierDetection: {consecutiveErrors: 3, baseEjectionTime: 1h, maxEjectionPercent: 50} }

            """);
        try
        {
            await Task.WhenAll(mesh.Mesh.Nodes.Select(n => n.WaitForServiceAsync(Name)));
            await LabWait.UntilAsync("requests are read", async () => (await mesh.Node1.ExplainAsync("demo/client", $"demo/{Name}", 80)).Reason == "routed", TimeSpan.FromSeconds(10));
            string answers = (await mesh.Client.RunAsync("curl", ["-sS", "-w", "%{http_code}\n", "-o", "/dev/null", family == TestFamily.IPv4 ? "http://10.96.8.9/fails?[1-60]" : "http://[fd96::8:9]/fails?[1-60]"])).Output;
            Assert.Equal((3, 57), (Regex.Count(answers, "^503$", RegexOptions.Multiline), Regex.Count(answers, "^200$", RegexOptions.Multiline)));
            Assert.Equal(1, await EjectionsAsync() - ejections);
        }
        finally
        {
            mesh.Mesh.Objects.Remove(Policy);
            mesh.Mesh.Objects.Remove(Name);
            await Task.WhenAll(mesh.Mesh.Nodes.Select(n => n.WaitForServiceAsync(Name, present: false)));
        }
    }

    private async Task<double> EjectionsAsync() => (await mesh.Node1.MetricsAsync()).Sum("culvert_backend_ejections_total", $"service=\"{Name}\"");
}
