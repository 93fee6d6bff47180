using System.Globalization;
using System.Text.RegularExpressions;
using Culvert.Labs;
using Culvert.Labs.Mesh;

namespace Culvert.Cli.Demo.Steps;

/// <summary>A route of the Gateway API divides the requests of a Service between two others, by weight and by header, and tries again what one of them fails at.</summary>
internal sealed class RequestRoutesStep : IDemoStep
{
    private const string Asked = "shop", Stable = "shop-v1", Canary = "shop-v2", Route = "shop-route", Address = "10.96.0.12";
    private const int Requests = 500;
    private static readonly string[] Files = [Route, Asked, Stable, Canary];
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(10);

    public string Name => "request-routes";

    public string Title => "An HTTPRoute: 90 to 10 by weight, a canary by header, a failing backend hidden by retries";

    public async Task<string> RunAsync(DemoWorld world, CancellationToken cancellationToken)
    {
        try
        {
            world.Mesh.Objects.Write(Asked, Service(Asked, Address, 12));
            world.Mesh.Objects.Write(Stable, MeshObjects.LeadingTo(Service(Stable, "10.96.0.13", 13), Stable, "nobody", world.Near, DemoWorld.Port));
            world.Mesh.Objects.Write(Canary, MeshObjects.LeadingTo(Service(Canary, "10.96.0.14", 14), Canary, "nobody", world.Far, DemoWorld.Port));
            world.Mesh.Objects.Write(Route, HttpRoute);
            await LabWait.UntilAsync("the route is in force", async () => (await CurlAsync(world, "/")).Contains("server=", StringComparison.Ordinal), Deadline, null, cancellationToken);

            string answers = await CurlAsync(world, string.Create(CultureInfo.InvariantCulture, $"/[1-{Requests}]"));
            int near = Regex.Count(answers, "server=near"), far = Regex.Count(answers, "server=far");
            DemoFailedException.ThrowUnless(near + far == Requests && far is > Requests / 50 and < Requests / 5, $"of {Requests} requests {near} went to {Stable} and {far} to {Canary}");
            DemoFailedException.ThrowUnless((await CurlAsync(world, "/canary/[1-20]", "-H", "x-canary: yes")).Split("server=far").Length == 21, $"requests with the header went to {Stable}, too");
            DemoFailedException.ThrowUnless((await CurlAsync(world, "/fails/[1-20]")).Split("server=far").Length == 21, "the client has seen a failing backend");
            return $"of {Requests} requests by one connection {near} went to {Stable} on the same node and {far} to {Canary} on the other; 20 of 20 with x-canary to {Canary}; 20 of 20 answered where {Stable} says 503";
        }
        finally
        {
            foreach (string file in Files) world.Mesh.Objects.Remove(file);
        }

        async Task<string> CurlAsync(DemoWorld world, string path, params IEnumerable<string> more) => (await world.Client.RunAsync(
            "curl", ["-sS", "--max-time", (20 * LabWait.Patience).ToString(CultureInfo.InvariantCulture), .. more, $"http://{Address}{path}"], null, null, cancellationToken)).Output;
    }

    private static string Service(string name, string address, int number) =>
        MeshObjects.Speaking(MeshObjects.Service(name, "nobody", 80, DemoWorld.Port, address, string.Create(CultureInfo.InvariantCulture, $"fd96::{number}")), "http");

    private static string HttpRoute => $$"""
        apiVersion: gateway.networking.k8s.io/v1
        kind: HTTPRoute
        metadata:
          name: shop
          namespace: {{MeshObjects.Namespace}}
        spec:
          parentRefs: [{group: "", kind: Service, name: {{Asked}}, port: 80}]
          rules:
            - matches: [{path: {value: /canary}, headers: [{name: x-canary, value: "yes"}]}]
              backendRefs: [{name: {{Canary}}, port: 80}]
            - matches: [{path: {value: /fails} }]
              retry: {attempts: 5, codes: [503]}
              backendRefs: [{name: {{Stable}}, port: 80}, {name: {{Canary}}, port: 80}]
            - backendRefs: [{name: {{Stable}}, port: 80, weight: 90}, {name: {{Canary}}, port: 80, weight: 10}]

        """;
}
