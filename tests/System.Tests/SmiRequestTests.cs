using Culvert.Labs;
using Culvert.Labs.Mesh;
using Culvert.SystemTests.Fixtures;

namespace Culvert.SystemTests;

/// <summary>HTTPRouteGroups of SMI: TrafficTargets allow requests by them, and TrafficSplits divide them. curl in a pod, nginx in others.</summary>
[Collection(MeshCollection.Name)]
public sealed class SmiRequestTests(MeshFixture mesh)
{
    private const string Objects = "smi-requests";

    [Theory, InlineData(TestPath.Direct), InlineData(TestPath.Tunnel)]
    public async Task A_TrafficTarget_allows_the_requests_of_its_groups(TestPath path)
    {
        var (pod, _) = mesh.Server(path, TestFamily.IPv4);
        await using HttpService service = await HttpService.StartAsync(mesh, pod, "http");
        string url = HttpService.Url();
        await AnsweredAsync(200, $"{url}/free");
        mesh.Mesh.Objects.Write("policy-web", MeshObjects.Allow("web", "web", [], "nobody")); // nothing else is open to it
        try
        {
            await LabWait.UntilAsync("it is closed", async () => await CodeAsync($"{url}/free") != "200", TimeSpan.FromSeconds(10));
            Write($$"""
                apiVersion: specs.smi-spec.io/v1alpha4
                kind: HTTPRouteGroup
                metadata: {name: web, namespace: {{MeshObjects.Namespace}}}
                spec: {matches: [{name: users, pathRegex: "/users/[^/]+", methods: [GET], headers: {x-team: "blue|green"} }, {name: other, pathRegex: "/other"}]}
                ---
                apiVersion: specs.smi-spec.io/v1alpha4
                kind: TCPRoute
                metadata: {name: web, namespace: {{MeshObjects.Namespace}}}
                spec: {matches: {ports: [{{HttpService.Port}}]} }
                ---
                apiVersion: access.smi-spec.io/v1alpha3
                kind: TrafficTarget
                metadata: {name: web, namespace: {{MeshObjects.Namespace}}}
                spec:
                  destination: {kind: ServiceAccount, name: web}
                  sources: [{kind: ServiceAccount, name: client}]
                  rules: [{kind: TCPRoute, name: web}, {kind: HTTPRouteGroup, name: web, matches: [users]}]

                """);
            await AnsweredAsync(200, $"-H x-team:green {url}/users/7");
            await AnsweredAsync(403, $"-H x-team:red {url}/users/7");
            await AnsweredAsync(403, $"-H x-team:green -X DELETE {url}/users/7");
            await AnsweredAsync(403, $"-H x-team:green --path-as-is {url}/users/../other");
            await AnsweredAsync(403, $"-H x-team:green --path-as-is {url}//users/7"); // servers that take two slashes for one would serve it, and others not
            string denied = await CurlAsync($"-i {url}/other");
            Assert.Contains("policy-no-allow", denied, StringComparison.Ordinal);
        }
        finally
        {
            mesh.Mesh.Objects.Remove(Objects);
            await mesh.AllowClientAgainAsync();
        }
    }

    [Fact]
    public async Task A_TrafficSplit_divides_the_requests_that_match()
    {
        await using RoutedService service = await RoutedService.StartAsync(mesh);
        string url = RoutedService.Url();
        try
        {
            Write($$"""
                apiVersion: specs.smi-spec.io/v1alpha4
                kind: HTTPRouteGroup
                metadata: {name: canary, namespace: {{MeshObjects.Namespace}}}
                spec: {matches: [{name: android, headers: {user-agent: ".*Android.*"} }, {name: new, pathRegex: "/new$", methods: ["*"]}]}
                ---
                apiVersion: split.smi-spec.io/v1alpha4
                kind: TrafficSplit
                metadata: {name: canary, namespace: {{MeshObjects.Namespace}}}
                spec:
                  service: {{RoutedService.Near}}
                  backends: [{service: {{RoutedService.Near}}, weight: 0}, {service: {{RoutedService.Far}}, weight: 1}]
                  matches: [{kind: HTTPRouteGroup, name: canary}]

                """);
            string near = url.Replace("10.96.8.1", "10.96.8.2", StringComparison.Ordinal);
            await LabWait.UntilAsync("the split is in force", async () => (await CurlAsync($"{near}/new")).StartsWith("far ", StringComparison.Ordinal), TimeSpan.FromSeconds(10));
            Assert.StartsWith("near ", await CurlAsync($"{near}/new/x"), StringComparison.Ordinal);
            Assert.StartsWith("near ", await CurlAsync($"{near}/"), StringComparison.Ordinal);
            Assert.StartsWith("far ", await CurlAsync($"-A Linux;Android/15 {near}/"), StringComparison.Ordinal);
        }
        finally
        {
            mesh.Mesh.Objects.Remove(Objects);
        }
    }

    private void Write(string objects) => mesh.Mesh.Objects.Write(Objects, objects);

    private Task AnsweredAsync(int status, string arguments) =>
        LabWait.UntilAsync($"{arguments} is answered {status}", async () => await CodeAsync(arguments) == $"{status:D3}", TimeSpan.FromSeconds(10));

    // Where the connection is refused curl fails, and says 000.
    private async Task<string> CodeAsync(string arguments) => (await mesh.Client.ScriptAsync($"curl -s --max-time 5 -o /dev/null -w '%{{http_code}}' {arguments} || true")).Trim();

    private async Task<string> CurlAsync(string arguments) => (await mesh.Client.RunAsync("curl", ["-sS", "--max-time", "20", .. arguments.Split(' ')])).Output;
}
