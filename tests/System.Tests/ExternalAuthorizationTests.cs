using Culvert.Labs;
using Culvert.Labs.Mesh;
using Culvert.SystemTests.Fixtures;

namespace Culvert.SystemTests;

/// <summary>An external authorizer, nginx in a pod of node1, that is asked about requests of curl in another pod to nginx in a third, on either node.</summary>
[Collection(MeshCollection.Name)]
public sealed class ExternalAuthorizationTests(MeshFixture mesh) : IAsyncDisposable
{
    private const int Port = 8095;
    private const string Policy = "ask", Authorizer = "authz";

    public async ValueTask DisposeAsync()
    {
        foreach (string name in (string[])[Policy, Authorizer]) mesh.Mesh.Objects.Remove(name);
        mesh.Mesh.Objects.Write("mesh", MeshObjects.Mesh());
        await Task.WhenAll(mesh.Mesh.Nodes.Select(n => n.WaitForServiceAsync(Authorizer, present: false)));
        await using HttpService service = await HttpService.StartAsync(mesh, mesh.Near, "http");
        await UntilAnsweredAsync("-w %{http_code} -o /dev/null", "/asked/closed", answer => answer == "200");
    }

    [Theory, ClassData(typeof(AllPaths))]
    public async Task Requests_are_allowed_by_it_and_refused_when_it_is_gone(TestPath path, TestFamily family)
    {
        var (pod, _) = mesh.Server(path, family);
        await using HttpService service = await HttpService.StartAsync(mesh, pod, "http");
        await using LabProcess nginx = await LabNginx.StartAsync(mesh.Open, "authz", $$"""
            http {
                access_log off;
                server {
                    listen {{Port}};
                    listen [::]:{{Port}} ipv6only=on;
                    location /check/asked/open { return 200; }
                    location /check { add_header x-asked-by $remote_addr always; return 302 /login; }
                }
            }
            """);
        mesh.Mesh.Objects.Write(Authorizer, MeshObjects.LeadingTo(MeshObjects.Service(Authorizer, "open", 80, Port, "10.96.7.31", "fd96::7:31"), Authorizer, "open", mesh.Open, Port));
        mesh.Mesh.Objects.Write("mesh", MeshObjects.Mesh() + $$"""

              externalAuthorizers:
                - {name: authz, service: {name: {{Authorizer}}, namespace: demo, port: 80}, protocol: HTTP, pathPrefix: /check, timeout: 5s}

            """);
        mesh.Mesh.Objects.Write(Policy, """
            apiVersion: culvert.dev/v1alpha1
            kind: AuthorizationPolicy
            metadata: {name: ask, namespace: demo}
            spec:
              selector: {matchLabels: {app: web}}
              action: CUSTOM
              provider: {name: authz}
              rules: [{to: [{ports: [8086], paths: [/asked/*]}]}]

            """);
        string url = HttpService.Url(family);
        string denied = await UntilAnsweredAsync("-i", "/asked/closed", answer => answer.StartsWith("HTTP/1.1 302 ", StringComparison.Ordinal));
        Assert.Contains("\r\nproxy-status: culvert; error=http_request_denied; details=\"denied-by-authorizer: AuthorizationPolicy demo/ask rule 0\"\r\n", denied, StringComparison.Ordinal);
        Assert.Matches("\r\nlocation: http://[^\r]*/login\r\n", denied);
        Assert.Contains($"\r\nx-asked-by: {pod.Address4}\r\n", denied, StringComparison.Ordinal); // in the name of the server, and by its family
        Assert.Equal("200", await CodeAsync("/asked/open"));
        Assert.Equal("200", await CodeAsync("/who"));

        await nginx.StopAsync(TimeSpan.FromSeconds(10));
        Assert.Equal("403", await CodeAsync("/asked/open"));
        Assert.Equal("200", await CodeAsync("/who"));

        Task<string> CodeAsync(string target) => CurlAsync("-w %{http_code} -o /dev/null", $"{url}{target}");
    }

    private async Task<string> UntilAnsweredAsync(string options, string target, Func<string, bool> isRight)
    {
        string answer = "";
        await LabWait.UntilAsync($"curl {options} {target} is answered so", async () => isRight(answer = await CurlAsync(options, $"{HttpService.Url()}{target}")), TimeSpan.FromSeconds(10));
        return answer;
    }

    private async Task<string> CurlAsync(string options, string url) => (await mesh.Client.RunAsync("curl", ["-sS", "--max-time", "10", .. options.Split(' '), url])).Output;
}
