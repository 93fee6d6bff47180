using System.Text.RegularExpressions;
using Culvert.Labs;
using Culvert.Labs.Mesh;
using Culvert.Protocol.V1;
using Culvert.SystemTests.Fixtures;

namespace Culvert.SystemTests;

/// <summary>Requests that routes divide and change on their way: curl, wrk and h2load in a pod, nginx in two, one on the same node and one on another.</summary>
[Collection(MeshCollection.Name)]
public sealed class HttpRouteTests(MeshFixture mesh)
{
    [Theory]
    [InlineData(TestFamily.IPv4)]
    [InlineData(TestFamily.IPv6)]
    public async Task Requests_of_one_connection_are_divided_by_weight_between_both_nodes(TestFamily family)
    {
        await using RoutedService service = await RoutedService.StartAsync(mesh);
        service.Divide(near: 80, far: 20);
        string url = RoutedService.Url(family);
        await UntilAnsweredAsync($"{url}/", answer => answer.Length > 0);
        string answers = await CurlAsync($"{url}/[1-500]");
        int near = Regex.Count(answers, $"^near {Regex.Escape(MeshFixture.AddressOf(mesh.Client, family).ToString())} ", RegexOptions.Multiline), far = Regex.Count(answers, "^far ", RegexOptions.Multiline);
        Assert.Equal(500, near + far);
        Assert.InRange(near, 340, 460); // four fifths, and more than six times the deviation
        await LabWait.UntilAsync("requests are counted by the backends that they went to", async () => await RequestsAsync("near") >= near && await RequestsAsync("far") >= far, TimeSpan.FromSeconds(10));
    }

    [Fact]
    public async Task Weights_that_change_under_load_fail_no_request()
    {
        await using RoutedService service = await RoutedService.StartAsync(mesh);
        service.Divide(near: 1, far: 0);
        await UntilAnsweredAsync($"{RoutedService.Url()}/", answer => answer.StartsWith("near ", StringComparison.Ordinal));
        Task<ToolResult> load = mesh.Client.RunAsync("wrk", ["-t1", "-c16", "-d6s", $"{RoutedService.Url()}/who"]);
        for (int i = 0; i < 5; i++)
        {
            bool toFar = i % 2 == 0;
            service.Divide(near: toFar ? 0 : 1, far: toFar ? 1 : 0);
            await UntilAnsweredAsync($"{RoutedService.Url()}/", answer => answer.StartsWith(toFar ? "far " : "near ", StringComparison.Ordinal));
        }

        string report = (await load).Output;
        Assert.Contains("requests in", report, StringComparison.Ordinal);
        Assert.DoesNotContain("Non-2xx", report, StringComparison.Ordinal);
        Assert.DoesNotContain("Socket errors", report, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Rules_match_and_change_requests_as_they_say()
    {
        await using RoutedService service = await RoutedService.StartAsync(mesh);
        service.Apply("""
            {matches: [{path: {value: /who}, headers: [{name: X-Canary, value: "yes"}]}], backendRefs: [{name: routed-far, port: 80}]},
            {matches: [{path: {value: /old}}], filters: [{type: URLRewrite, urlRewrite: {hostname: inner, path: {type: ReplacePrefixMatch, replacePrefixMatch: /new}}},
              {type: RequestHeaderModifier, requestHeaderModifier: {set: [{name: X-Set, value: by the route}]}}], backendRefs: [{name: routed-near, port: 80}]},
            {matches: [{path: {type: Exact, value: /moved}}], filters: [{type: RequestRedirect, requestRedirect: {scheme: https, hostname: www.example, statusCode: 301}}]},
            {matches: [{path: {value: /gone}}], backendRefs: [{name: nowhere, port: 80}]},
            {matches: [{path: {value: /fails}}], retry: {attempts: 5, codes: [503]}, backendRefs: [{name: routed-near, port: 80}, {name: routed-far, port: 80}]},
            {matches: [{path: {value: /who}}], backendRefs: [{name: routed-near, port: 80}]}
            """);
        string url = RoutedService.Url();
        await UntilAnsweredAsync($"{url}/who", answer => answer.StartsWith("near ", StringComparison.Ordinal));
        Assert.StartsWith("far ", await CurlAsync($"-H x-canary:yes {url}/who"), StringComparison.Ordinal);
        Assert.EndsWith(" inner /new/a?b=c [by the route]\n", await CurlAsync($"-H x-set:mine {url}/old/a?b=c"), StringComparison.Ordinal);
        Assert.Equal("301:https://www.example/moved", await CurlAsync($"-o /dev/null -w %{{http_code}}:%{{redirect_url}} {url}/moved"));
        Assert.Equal("404", await CurlAsync($"-o /dev/null -w %{{http_code}} {url}/other"));
        string failed = await CurlAsync($"-i {url}/gone");
        Assert.StartsWith("HTTP/1.1 500 ", failed, StringComparison.Ordinal);
        Assert.Contains("proxy-status: culvert; error=proxy_configuration_error; details=\"HTTPRoute demo/routed rule 3 has a backend that is not there: Service demo/nowhere port 80\"", failed, StringComparison.Ordinal);
        for (int i = 0; i < 10; i++) Assert.Equal("far", await CurlAsync($"{url}/fails"));
        ExplainResponse explained = await mesh.Node1.ExplainAsync("demo/client", "demo/routed", 80);
        Assert.Equal((FlowPath.Proxy, "routed"), (explained.Path, explained.Reason));
        Assert.Contains($"HTTPRoute demo/routed rule 0: service demo/{RoutedService.Far} port 80 (weight 1)", explained.Steps);
    }

    [Fact]
    public async Task Requests_of_HTTP2_are_divided_too()
    {
        await using RoutedService service = await RoutedService.StartAsync(mesh, "kubernetes.io/h2c");
        service.Divide(near: 1, far: 1);
        string url = RoutedService.Url();
        await UntilAnsweredAsync($"--http2-prior-knowledge {url}/", answer => answer.Length > 0);
        double near = await RequestsAsync("near"), far = await RequestsAsync("far");
        string report = (await mesh.Client.RunAsync("h2load", ["-c", "4", "-m", "32", "-n", "10000", $"{url}/who"])).Output;
        Assert.Contains("10000 done, 10000 succeeded, 0 failed, 0 errored, 0 timeout", report, StringComparison.Ordinal);
        await LabWait.UntilAsync("all requests are counted", async () => await RequestsAsync("near") + await RequestsAsync("far") == near + far + 10_000, TimeSpan.FromSeconds(10));
        Assert.InRange(await RequestsAsync("near") - near, 4500, 5500);
    }

    [Fact]
    public async Task Clients_of_HTTP1_are_answered_by_servers_of_HTTP2()
    {
        await using RoutedService service = await RoutedService.StartAsync(mesh, "http", ofBackends: "kubernetes.io/h2c");
        service.Divide(near: 1, far: 1);
        string url = RoutedService.Url();
        await UntilAnsweredAsync($"{url}/version", answer => answer == "HTTP/2.0\n");
        string report = (await mesh.Client.RunAsync("wrk", ["-t1", "-c16", "-d2s", $"{url}/who"])).Output;
        Assert.Contains("requests in", report, StringComparison.Ordinal);
        Assert.DoesNotContain("Non-2xx", report, StringComparison.Ordinal);
        Assert.DoesNotContain("Socket errors", report, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Clients_of_HTTP2_are_answered_by_servers_of_HTTP1()
    {
        await using RoutedService service = await RoutedService.StartAsync(mesh, "kubernetes.io/h2c", ofBackends: "http");
        service.Divide(near: 1, far: 1);
        string url = RoutedService.Url();
        await UntilAnsweredAsync($"--http2-prior-knowledge {url}/version", answer => answer == "HTTP/1.1\n");
        string report = (await mesh.Client.RunAsync("h2load", ["-c", "4", "-m", "32", "-n", "10000", $"{url}/who"])).Output;
        Assert.Contains("10000 done, 10000 succeeded, 0 failed, 0 errored, 0 timeout", report, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Copies_of_requests_go_to_a_mirror_and_pages_of_an_allowed_origin_may_ask()
    {
        await using RoutedService service = await RoutedService.StartAsync(mesh);
        service.Apply("""
            {filters: [{type: RequestMirror, requestMirror: {backendRef: {name: routed-far, port: 80}}}, {type: CORS, cors: {allowOrigins: ["https://app.example"], allowMethods: [PUT]}}],
              backendRefs: [{name: routed-near, port: 80}]}
            """);
        string url = RoutedService.Url();
        await UntilAnsweredAsync($"{url}/", answer => answer.StartsWith("near ", StringComparison.Ordinal));
        double before = await MirroredAsync();
        string answers = await CurlAsync($"{url}/[1-50]");
        Assert.Equal(50, Regex.Count(answers, "^near ", RegexOptions.Multiline));
        await LabWait.UntilAsync("copies of all requests have been answered", async () => await MirroredAsync() >= before + 50, TimeSpan.FromSeconds(10));
        string preflight = await CurlAsync($"-i -X OPTIONS -H origin:https://app.example -H access-control-request-method:PUT {url}/a");
        Assert.StartsWith("HTTP/1.1 204 ", preflight, StringComparison.Ordinal);
        Assert.Contains("\r\naccess-control-allow-origin: https://app.example\r\n", preflight, StringComparison.Ordinal);
        Assert.Contains("\r\naccess-control-allow-methods: PUT\r\n", preflight, StringComparison.Ordinal);
        Assert.DoesNotContain("access-control-allow-origin", await CurlAsync($"-i -H origin:https://other.example {url}/a"), StringComparison.Ordinal);

        async Task<double> MirroredAsync() => (await mesh.Node1.MetricsAsync()).Sum("culvert_http_mirrored_total", $"service=\"{RoutedService.Far}\"", "result=\"answered\"");
    }

    [Fact]
    public async Task Policy_about_requests_is_asked_of_the_backend()
    {
        await using RoutedService service = await RoutedService.StartAsync(mesh);
        service.Apply($"{"{"}matches: [{"{"}path: {"{"}value: /near{"}"}{"}"}], backendRefs: [{"{"}name: {RoutedService.Near}, port: 80{"}"}]{"}"}, {"{"}backendRefs: [{"{"}name: {RoutedService.Far}, port: 80{"}"}]{"}"}");
        string url = RoutedService.Url();
        await UntilAnsweredAsync($"{url}/near", answer => answer.StartsWith("near ", StringComparison.Ordinal));
        mesh.Mesh.Objects.Write("routed-deny", """
            apiVersion: culvert.dev/v1alpha1
            kind: AuthorizationPolicy
            metadata: {name: routed, namespace: demo}
            spec: {selector: {matchLabels: {app: web}}, action: DENY, rules: [{to: [{paths: ["*/secret"]}]}]}

            """);
        try
        {
            foreach (string path in new[] { "/near/secret", "/secret" })
                await UntilAnsweredAsync($"-i {url}{path}", answer => answer.StartsWith("HTTP/1.1 403 ", StringComparison.Ordinal) && answer.Contains("AuthorizationPolicy demo/routed rule 0", StringComparison.Ordinal));
            Assert.StartsWith("near ", await CurlAsync($"{url}/near"), StringComparison.Ordinal);
        }
        finally
        {
            mesh.Mesh.Objects.Remove("routed-deny");
        }
    }

    private Task UntilAnsweredAsync(string arguments, Func<string, bool> isRight) =>
        LabWait.UntilAsync($"curl {arguments} is answered so", async () => isRight(await CurlAsync($"-m 5 {arguments}")), TimeSpan.FromSeconds(10));

    private async Task<string> CurlAsync(string arguments) => (await mesh.Client.RunAsync("curl", ["-sS", .. arguments.Split(' ')])).Output;

    private async Task<double> RequestsAsync(string pod) =>
        (await mesh.Node1.MetricsAsync()).Sum("culvert_http_requests_total", "reporter=\"source\"", "source_workload=\"client\"", $"destination_workload=\"{pod}\"", "code=\"2xx\"");
}
