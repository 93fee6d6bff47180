using System.Globalization;
using Culvert.Labs;
using Culvert.Labs.Mesh;
using Culvert.SystemTests.Fixtures;

namespace Culvert.SystemTests;

/// <summary>What is asked of each request beside policy: whether there is room for it, and whether its token is good. curl in a pod, nginx in another, on the same node or another.</summary>
[Collection(MeshCollection.Name)]
[Trait("Category", "Attack")]
public sealed class RequestLimitsAndTokensTests(MeshFixture mesh) : IAsyncDisposable
{
    private const string Limit = "request-limit", Tokens = "request-tokens", Policy = "request-token-policy";

    public async ValueTask DisposeAsync()
    {
        foreach (string name in (string[])[Limit, Tokens, Policy]) mesh.Mesh.Objects.Remove(name);
        await using HttpService service = await HttpService.StartAsync(mesh, mesh.Near, "http");
        await UntilAnsweredAsync($"-o /dev/null -w %{{http_code}} {HttpService.Url()}/who", answer => answer == "200");
    }

    [Theory, ClassData(typeof(AllPaths))]
    public async Task Requests_that_are_too_many_are_refused_on_the_same_node_and_across_nodes(TestPath path, TestFamily family)
    {
        var (pod, _) = mesh.Server(path, family);
        await using HttpService service = await HttpService.StartAsync(mesh, pod, "http");
        string url = HttpService.Url(family);
        mesh.Mesh.Objects.Write(Limit, """
            apiVersion: culvert.dev/v1alpha1
            kind: RateLimit
            metadata: {name: limit, namespace: demo}
            spec:
              rules:
                - {to: [{paths: [/limited]}], from: [{identities: ["*/sa/client"]}], rate: 3/h, burst: 3}
                - {to: [{paths: [/per-tenant]}], rate: 1/h, burst: 1, header: x-tenant}

            """);
        string refused = await UntilAnsweredAsync($"-i {url}/limited", answer => answer.StartsWith("HTTP/1.1 429 ", StringComparison.Ordinal));
        Assert.Contains("\r\nproxy-status: culvert; error=http_request_denied; details=\"rate-limited: RateLimit demo/limit rule 0\"\r\n", refused, StringComparison.Ordinal);
        Assert.Matches("\r\nretry-after: [0-9]+\r\n", refused);
        Assert.Equal("200", await CodeAsync($"{url}/who"));
        string tenant = string.Create(CultureInfo.InvariantCulture, $"{path}-{family}");
        Assert.Equal(["200", "429", "200"], [await CodeAsync($"-H x-tenant:{tenant}-a {url}/per-tenant"), await CodeAsync($"-H x-tenant:{tenant}-a {url}/per-tenant"), await CodeAsync($"-H x-tenant:{tenant}-b {url}/per-tenant")]);
    }

    [Theory, ClassData(typeof(AllPaths))]
    public async Task Tokens_are_looked_at_on_the_same_node_and_across_nodes(TestPath path, TestFamily family)
    {
        var (pod, _) = mesh.Server(path, family);
        await using HttpService service = await HttpService.StartAsync(mesh, pod, "http");
        string url = HttpService.Url(family);
        using LabIssuer issuer = new("test-issuer"), other = new("test-issuer");
        mesh.Mesh.Objects.Write(Tokens, $$$"""
            apiVersion: culvert.dev/v1alpha1
            kind: RequestAuthentication
            metadata: {name: tokens, namespace: demo}
            spec:
              jwtRules:
                - issuer: test-issuer
                  jwks: '{{{issuer.Keys}}}'

            """);
        mesh.Mesh.Objects.Write(Policy, """
            apiVersion: culvert.dev/v1alpha1
            kind: AuthorizationPolicy
            metadata: {name: tokens, namespace: demo}
            spec:
              action: DENY
              rules:
                - from: [{notRequestPrincipals: ["test-issuer/*"]}]
                  to: [{paths: [/private/*], ports: [8086]}]

            """);
        await UntilAnsweredAsync($"-o /dev/null -w %{{http_code}} {url}/private/who", answer => answer == "403");
        Assert.Equal("200", await CodeAsync($"{url}/who"));
        string refused = await CurlAsync(["-i", "-H", $"authorization: Bearer {other.TokenOf("someone")}", $"{url}/who"]);
        Assert.StartsWith("HTTP/1.1 401 ", refused, StringComparison.Ordinal);
        Assert.Contains("\r\nwww-authenticate: Bearer", refused, StringComparison.OrdinalIgnoreCase);
        string passed = await CurlAsync(["-o", "/dev/null", "-w", "%{http_code}", "-H", $"authorization: Bearer {issuer.TokenOf("someone")}", $"{url}/private/who"]);
        Assert.Equal("200", passed);
    }

    private async Task<string> UntilAnsweredAsync(string arguments, Func<string, bool> isRight)
    {
        string answer = "";
        await LabWait.UntilAsync($"curl {arguments} is answered so", async () => isRight(answer = await CurlAsync(["-m", "5", .. arguments.Split(' ')])), TimeSpan.FromSeconds(10));
        return answer;
    }

    private Task<string> CodeAsync(string arguments) => CurlAsync(["-o", "/dev/null", "-w", "%{http_code}", .. arguments.Split(' ')]);

    private async Task<string> CurlAsync(string[] arguments) => (await mesh.Client.RunAsync("curl", ["-sS", "--max-time", "20", .. arguments])).Output;
}
