using System.Net;
using System.Net.NetworkInformation;
using System.Net.Sockets;
using System.Text;
using Culvert.Kubernetes.Client;
using Culvert.Kubernetes.Errors;
using Culvert.Kubernetes.Tests.Support;

namespace Culvert.Controller.Tests.Kubernetes;

/// <summary>The webhook by the Service of <c>deploy/controller</c>, by whose name the server knows the controller's certificate.</summary>
[Collection(TestClusterCollection.Name)]
public sealed class WebhookServiceTests(TestCluster cluster)
{
    private const string Label = "by-service";

    [Fact]
    public async Task TheServerTakesTheCertificateForTheServicesAndRefusesABadMeshConfig()
    {
        // Endpoints can't be of the loopback interface.
        IPAddress? address = NetworkInterface.GetAllNetworkInterfaces().Where(i => i.NetworkInterfaceType != NetworkInterfaceType.Loopback && i.OperationalStatus == OperationalStatus.Up)
            .SelectMany(i => i.GetIPProperties().UnicastAddresses).Select(a => a.Address).FirstOrDefault(a => a.AddressFamily == AddressFamily.InterNetwork);
        Assert.SkipWhen(address is null, "this machine has no address but its own");
        Assert.SkipWhen(cluster.Server is null || cluster.Minor < 21, "this server finds Services by Endpoints");
        await cluster.InstallControllerAsync();
        await using TestWebhook webhook = await TestWebhook.ApplyAsItIsAsync(cluster, Label);
        await using RunningOnCluster controller = await RunningOnCluster.StartAsync(
            cluster.Options(), null, o => o with { DnsNames = ["culvert-controller.culvert-system.svc"], Admission = new(new(address!, 0)) { Configuration = TestWebhook.Name } });
        await cluster.KubectlAsync($$"""
            apiVersion: discovery.k8s.io/v1
            kind: EndpointSlice
            metadata: {name: culvert-controller-test, namespace: culvert-system, labels: {kubernetes.io/service-name: culvert-controller} }
            addressType: IPv4
            ports: [{name: webhook, port: {{controller.Host.WebhookEndPoint!.Port}}, protocol: TCP}]
            endpoints: [{addresses: ["{{address}}"], conditions: {ready: true} }]
            """);
        try
        {
            string? said = null;
            await Soon.Holds("it is asked", async () => (said = await RefusalAsync("culvert.dev/wieght")) is { } text && text.Contains("denied the request: metadata.annotations.culvert.dev/wieght: unknown annotation", StringComparison.Ordinal), () => said ?? "it is taken");
            Assert.Null(await RefusalAsync("example.org/weight"));
        }
        finally
        {
            await cluster.Server.KubectlAsync("", "delete", "endpointslice", "culvert-controller-test", "-n", "culvert-system");
        }
    }

    private async Task<string?> RefusalAsync(string annotation)
    {
        string document = $$"""{"apiVersion":"culvert.dev/v1alpha1","kind":"MeshConfig","metadata":{"name":"default","labels":{"culvert.dev/test":"{{Label}}"},"annotations":{"{{annotation}}":"3"} },"spec":{"defaultAction":"ALLOW"} }""";
        try
        {
            await cluster.Admin.Resource(TestCluster.KindOf("MeshConfig").Type).ApplyAsync(new("default"), Encoding.UTF8.GetBytes(document), new("tests") { DryRun = true }, TestContext.Current.CancellationToken);
            return null;
        }
        catch (ApiException e)
        {
            return e.Message;
        }
    }
}
