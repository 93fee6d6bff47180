using System.Globalization;
using System.Text.RegularExpressions;
using Culvert.Labs;
using Culvert.Labs.Mesh;
using Culvert.SystemTests.Fixtures;

namespace Culvert.SystemTests;

/// <summary>
/// Load of HTTP/1.1 and HTTP/2 by routes to both nodes, some of it with more streams at once than a server takes by a connection, while each second the route, policies of connections and of requests and a limit change, and certificates follow each other every few seconds.
/// For as long as <c>CULVERT_SOAK_SECONDS</c> says (<c>make soak</c>: 300), by itself only long enough to show that it works; certificates live for <c>CULVERT_SOAK_LIFETIME</c> (<c>make soak</c>: 5s).
/// </summary>
[Collection(MeshCollection.Name)]
public sealed partial class SoakTests(MeshFixture mesh)
{
    private const string Requests = "soak-requests", Limit = "soak-limit", Http2 = "soak-http2", Http2Near = "soak-http2-near", Http2Route = "soak-http2-route";

    private const string Http2Address = "10.96.8.10";

    // Between the second third and the last: in the first pools and tables fill, and code is compiled.
    private const long MostGrowthKiB = 16 << 10;

    private static readonly TimeSpan Duration = TimeSpan.FromSeconds(
        Environment.GetEnvironmentVariable("CULVERT_SOAK_SECONDS") is { Length: > 0 } seconds ? int.Parse(seconds, CultureInfo.InvariantCulture) : 12);

    private static readonly string Lifetime = Environment.GetEnvironmentVariable("CULVERT_SOAK_LIFETIME") is { Length: > 0 } lifetime ? lifetime : "10s";

    [Fact]
    public async Task No_request_fails_and_memory_stays_flat_while_everything_changes()
    {
        await using RoutedService service = await RoutedService.StartAsync(mesh);
        service.Divide(near: 50, far: 50);
        await LabWait.UntilAsync("the route is in force", async () => (await mesh.Client.RunAsync("curl", ["-s", $"{RoutedService.Url()}/"])).Output.StartsWith("near ", StringComparison.Ordinal), TimeSpan.FromSeconds(20));
        foreach ((string name, LabPod pod, string address, string address6) in ((string, LabPod, string, string)[])[(Http2, mesh.Far, Http2Address, "fd96::8:a"), (Http2Near, mesh.Near, "10.96.8.11", "fd96::8:b")])
        {
            mesh.Mesh.Objects.Write(name, MeshObjects.LeadingTo(MeshObjects.Speaking(MeshObjects.Service(name, "nobody", 80, 80, address, address6), "kubernetes.io/h2c"), name, "nobody", pod, HttpService.Http2Port));
            await mesh.Node1.WaitForServiceAsync(name);
        }

        DivideHttp2(near: 1, far: 1);
        mesh.Mesh.Objects.Write("mesh", MeshObjects.Mesh(Lifetime));
        List<long> memory = [];
        HashSet<DateTimeOffset> certificates = [];
        try
        {
            string seconds = string.Create(CultureInfo.InvariantCulture, $"{Duration.TotalSeconds}");
            Task<ToolResult> http1 = LoadAsync("wrk", $"{RoutedService.Url()}/", "-t", "1", "-c", "16", "-d", seconds, "--timeout", "10s");
            Task<ToolResult> http2 = LoadAsync("h2load", $"http://{Http2Address}/", "-t", "1", "-c", "4", "-m", "8", "-D", seconds);
            Task<ToolResult> wide = LoadAsync("h2load", $"http://{Http2Address}/", "-t", "1", "-c", "1", "-m", "300", "-D", seconds); // nginx takes 128
            using PeriodicTimer second = new(TimeSpan.FromSeconds(1));
            for (int change = 0; !(http1.IsCompleted && http2.IsCompleted && wide.IsCompleted) && await second.WaitForNextTickAsync(); change++)
            {
                Change(service, change);
                memory.Add(mesh.Mesh.Nodes.Sum(n => AgentUsage.Of(n).ResidentKiB));
                certificates.Add((await mesh.Node1.StatusAsync()).Workloads.Single(w => w.Uid == "demo/client").CertificateNotAfter.ToDateTimeOffset());
            }

            string ofHttp1 = (await http1).Output, ofHttp2 = (await http2).Output, ofWide = (await wide).Output;
            Assert.True(RequestsOfWrk().IsMatch(ofHttp1) && !FailuresOfWrk().IsMatch(ofHttp1), ofHttp1);
            Assert.True(NoFailureOfH2Load().IsMatch(ofHttp2), ofHttp2);
            Assert.True(NoFailureOfH2Load().IsMatch(ofWide), ofWide);
        }
        finally
        {
            foreach (string name in (string[])[Requests, Limit, Http2Route, Http2, Http2Near]) mesh.Mesh.Objects.Remove(name);
            mesh.Mesh.Objects.Write("mesh", MeshObjects.Mesh());
            await mesh.AllowClientAgainAsync();
        }

        int third = memory.Count / 3;
        double early = memory.Skip(third).Take(third).Average(), late = memory.TakeLast(third).Average();
        TestContext.Current.SendDiagnosticMessage($"{memory.Count} changes, {certificates.Count} certificates of the client, agents {memory[0]}, {early:F0} and {late:F0} KiB at first, in the second third and in the last");
        Assert.True(certificates.Count >= memory.Count / 10, $"{certificates.Count} certificates in {memory.Count} s");
        Assert.True(late - early < MostGrowthKiB, $"agents grew from {early:F0} to {late:F0} KiB");
    }

    // Everything is changed such that no request of the load is to fail.
    private void Change(RoutedService service, int change)
    {
        service.Divide(near: 1 + (change * 37 % 100), far: 1 + (change * 61 % 100));
        DivideHttp2(near: 1 + (change * 61 % 100), far: 1 + (change * 37 % 100));
        mesh.Mesh.Objects.Write("policy-web", MeshObjects.Allow("web", "web", [], "client", string.Create(CultureInfo.InvariantCulture, $"soak-{change}")));
        if (change % 4 == 3) mesh.Mesh.Objects.Remove(Requests);
        else mesh.Mesh.Objects.Write(Requests, Denying($"/forbidden-{change}"));
        mesh.Mesh.Objects.Write(Limit, $$"""
            apiVersion: culvert.dev/v1alpha1
            kind: RateLimit
            metadata: {name: soak, namespace: {{MeshObjects.Namespace}} }
            spec: {rules: [{rate: {{1_000_000 + change}}/s, burst: 1000000}]}

            """);
    }

    private void DivideHttp2(int near, int far) => mesh.Mesh.Objects.Write(Http2Route, $$"""
        apiVersion: gateway.networking.k8s.io/v1
        kind: HTTPRoute
        metadata: {name: soak-http2, namespace: {{MeshObjects.Namespace}} }
        spec:
          parentRefs: [{group: "", kind: Service, name: {{Http2}} }]
          rules: [{backendRefs: [{name: {{Http2Near}}, port: 80, weight: {{near}} }, {name: {{Http2}}, port: 80, weight: {{far}} }]}]

        """);

    private static string Denying(string path) => $$"""
        apiVersion: culvert.dev/v1alpha1
        kind: AuthorizationPolicy
        metadata: {name: soak, namespace: {{MeshObjects.Namespace}} }
        spec: {action: DENY, rules: [{to: [{paths: [{{path}}]}]}]}

        """;

    private Task<ToolResult> LoadAsync(string program, string url, params string[] options) => mesh.Client.RunAsync(program, [.. options, url], timeout: Duration + TimeSpan.FromMinutes(1));

    [GeneratedRegex("Socket errors:|Non-2xx")]
    private static partial Regex FailuresOfWrk();

    [GeneratedRegex("[1-9][0-9]{3,} requests in")]
    private static partial Regex RequestsOfWrk();

    [GeneratedRegex("[1-9][0-9]{3,} succeeded, 0 failed, 0 errored, 0 timeout\nstatus codes: [0-9]+ 2xx, 0 3xx, 0 4xx, 0 5xx")]
    private static partial Regex NoFailureOfH2Load();
}
