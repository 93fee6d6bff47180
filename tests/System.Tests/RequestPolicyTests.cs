using System.Net;
using System.Text;
using Culvert.Labs;
using Culvert.Labs.Mesh;
using Culvert.Protocol.V1;
using Culvert.SystemTests.Fixtures;
using Culvert.SystemTests.Peers;

namespace Culvert.SystemTests;

/// <summary>Policy about requests: curl in a pod, nginx in another, on the same node or another.</summary>
[Collection(MeshCollection.Name)]
[Trait("Category", "Attack")]
public sealed class RequestPolicyTests(MeshFixture mesh) : IAsyncDisposable
{
    private const string Policy = "requests";

    public async ValueTask DisposeAsync()
    {
        mesh.Mesh.Objects.Remove(Policy);
        await WaitForPolicyAsync(present: false);
    }

    [Theory, ClassData(typeof(AllPaths))]
    public async Task Requests_are_decided_one_by_one_on_the_same_node_and_across_nodes(TestPath path, TestFamily family)
    {
        var (pod, _) = mesh.Server(path, family);
        MeshNode node = path == TestPath.Direct ? mesh.Node1 : mesh.Node2;
        await using HttpService service = await HttpService.StartAsync(mesh, pod, "http");
        await ApplyAsync("DENY", "notMethods: [GET, HEAD]", "paths: [/admin, /admin/*]");
        double before = await DeniedAsync(node);
        string url = HttpService.Url(family);

        string passed = await CurlAsync($"--path-as-is {url}/a/../who?x=/admin {url}/who");
        Assert.Equal(2, passed.Split($"\n{MeshFixture.AddressOf(mesh.Client, family)} HTTP/1.1 GET [] /who").Length - 1);
        string denied = await CurlAsync($"-i --path-as-is {url}/%61dmin/x?secret");
        Assert.StartsWith("HTTP/1.1 403 Forbidden\r\n", denied, StringComparison.Ordinal);
        Assert.Contains("proxy-status: culvert; error=http_request_denied; details=\"policy-deny: AuthorizationPolicy demo/requests rule 1\"", denied, StringComparison.Ordinal);
        Assert.Equal("403", await CurlAsync($"-o /dev/null -w %{{http_code}} -X POST -d a=b {url}/who"));

        await LabWait.UntilAsync("both are counted", async () => await DeniedAsync(node) == before + 2, TimeSpan.FromSeconds(10));
        Flow flow = Assert.Single(await node.FlowsAsync(), f => f.Event == FlowEvent.RequestDenied && f.Request.EndsWith(" /admin/x", StringComparison.Ordinal) && f.Path == (path == TestPath.Direct ? FlowPath.Proxy : FlowPath.Tunnel)
            && f.Destination.Address.Length == (family == TestFamily.IPv4 ? 4 : 16));
        Assert.Equal(("policy-deny", "demo/requests", 1, "demo/client"), (flow.Reason, flow.Rule.Policy, flow.Rule.RuleIndex, flow.Source.WorkloadUid));
    }

    [Theory, InlineData(TestPath.Direct), InlineData(TestPath.Tunnel)]
    public async Task So_are_those_of_HTTP2(TestPath path)
    {
        var (pod, _) = mesh.Server(path, TestFamily.IPv4);
        await using HttpService service = await HttpService.StartAsync(mesh, pod, "kubernetes.io/h2c");
        await ApplyAsync("DENY", "paths: [/admin/*]");
        string url = HttpService.Url();
        Assert.StartsWith("HTTP/2 200", await CurlAsync($"--http2-prior-knowledge -i {url}/who"), StringComparison.Ordinal);
        Assert.StartsWith("HTTP/2 403", await CurlAsync($"--http2-prior-knowledge -i --path-as-is {url}/x/../admin/y"), StringComparison.Ordinal);
        string report = (await mesh.Client.RunAsync("h2load", ["-c", "4", "-m", "8", "-n", "2000", $"{url}/admin/many", $"{url}/who"])).Output;
        Assert.Contains("status codes: 1000 2xx, 0 3xx, 1000 4xx, 0 5xx", report, StringComparison.Ordinal);
    }

    [Theory, InlineData(TestPath.Direct), InlineData(TestPath.Tunnel)]
    public async Task Calls_of_gRPC_are_refused_by_service_and_method(TestPath path)
    {
        var (pod, _) = mesh.Server(path, TestFamily.IPv4);
        await using HttpService service = await HttpService.StartAsync(mesh, pod, "grpc");
        await ApplyAsync("DENY", "grpc: [{service: shop.v1.Cart, method: Empty}, {service: shop.v1.Admin}]");
        MeshNode node = path == TestPath.Direct ? mesh.Node1 : mesh.Node2;
        double before = await CallsAsync(node, "7");
        foreach (string refused in new[] { "shop.v1.Cart/Empty", "shop.v1.Admin/Any" })
        {
            string answer = await CallAsync(refused);
            Assert.StartsWith("HTTP/2 200", answer, StringComparison.Ordinal);
            Assert.Contains("\ngrpc-status: 7\r\n", answer, StringComparison.Ordinal);
        }

        string passed = await CallAsync("shop.v1.Cart/Get");
        Assert.DoesNotContain("grpc-status", passed, StringComparison.Ordinal);
        Assert.DoesNotContain("proxy-status", passed, StringComparison.Ordinal);
        Assert.Contains("server: nginx", passed, StringComparison.Ordinal);
        await LabWait.UntilAsync("both are counted", async () => await CallsAsync(node, "7") == before + 2, TimeSpan.FromSeconds(10));

        Task<string> CallAsync(string method) => CurlAsync($"--http2-prior-knowledge -i -X POST -H content-type:application/grpc {HttpService.Url()}/{method}"); // with a body curl 7.88 takes an early answer for an error
    }

    [Fact]
    public async Task A_connection_of_the_same_node_that_nobody_reads_ends_when_such_a_policy_comes()
    {
        await using HttpService service = await HttpService.StartAsync(mesh, mesh.Near, "http");
        using var socket = await PeerServer.ConnectAsync(mesh.Client, new IPEndPoint(mesh.Near.Address4, HttpService.Port));
        byte[] request = "GET /admin HTTP/1.1\r\nHost: shop\r\n\r\n"u8.ToArray(), answer = new byte[4096];
        await PeerServer.SendAllAsync(socket, request);
        Assert.StartsWith("HTTP/1.1 200 OK", Encoding.Latin1.GetString(answer, 0, await socket.ReceiveAsync(answer)), StringComparison.Ordinal);
        Assert.Equal(FlowPath.Direct, (await mesh.Node1.ExplainAsync("demo/client", "demo/near", HttpService.Port)).Path);

        await ApplyAsync("DENY", "paths: [/admin]");
        Assert.True(await HasEndedAsync(socket, request), "it still carries requests");
        ExplainResponse explained = await mesh.Node1.ExplainAsync("demo/client", "demo/near", HttpService.Port);
        Assert.Equal((FlowPath.Proxy, Verdict.Allow), (explained.Path, explained.Verdict));
        Assert.Contains("demo/requests rule 0", string.Join('\n', explained.Steps), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(TestPath.Direct, "DENY")]
    [InlineData(TestPath.Direct, "ALLOW")]
    [InlineData(TestPath.Tunnel, "DENY")]
    [InlineData(TestPath.Tunnel, "ALLOW")]
    public async Task A_port_that_carries_bytes_is_closed_by_rules_about_requests(TestPath path, string action)
    {
        var (pod, address) = mesh.Server(path, TestFamily.IPv4);
        MeshNode node = path == TestPath.Direct ? mesh.Node1 : mesh.Node2;
        await using var server = PeerServer.Start(pod, address, PeerServer.EchoAsync);
        Assert.True(await EchoesAsync(server.EndPoint));
        if (action == "ALLOW") mesh.Mesh.Objects.Write("policy-web", MeshObjects.Allow("web", "web", [HttpService.Port], "client")); // the port is open to nobody otherwise
        try
        {
            await ApplyAsync(action, $"ports: [{server.EndPoint.Port}], paths: [/admin]");
            await LabWait.UntilAsync("the port is closed", async () => !await EchoesAsync(server.EndPoint), TimeSpan.FromSeconds(10));
            ExplainResponse explained = await node.ExplainAsync("demo/client", $"demo/{pod.Name}", (uint)server.EndPoint.Port);
            Assert.Equal((Verdict.Deny, action == "DENY" ? "policy-deny" : "policy-no-allow"), (explained.Verdict, explained.Reason));
        }
        finally
        {
            await mesh.AllowClientAgainAsync();
        }
    }

    private async Task<bool> EchoesAsync(IPEndPoint server)
    {
        try
        {
            using var socket = await PeerServer.ConnectAsync(mesh.Client, server);
            await PeerServer.SendAllAsync(socket, new byte[1]);
            return await socket.ReceiveAsync(new byte[1]) == 1;
        }
        catch (System.Net.Sockets.SocketException)
        {
            return false;
        }
    }

    private static async Task<double> DeniedAsync(MeshNode node) =>
        (await node.MetricsAsync()).Sum("culvert_http_proxy_answers_total", "error=\"http_request_denied\"", node.Name == "node1" ? "reporter=\"source\"" : "reporter=\"destination\"", "source_workload=\"client\"");

    private static async Task<double> CallsAsync(MeshNode node, string status) =>
        (await node.MetricsAsync()).Sum("culvert_http_requests_total", $"grpc_status=\"{status}\"", "code=\"4xx\"", node.Name == "node1" ? "reporter=\"source\"" : "reporter=\"destination\"", "source_workload=\"client\"");

    private static async Task<bool> HasEndedAsync(System.Net.Sockets.Socket socket, byte[] request)
    {
        try
        {
            byte[] room = new byte[4096];
            for (int i = 0; i < 100; i++)
            {
                await PeerServer.SendAllAsync(socket, request);
                if (await socket.ReceiveAsync(room) == 0) return true;
            }

            return false;
        }
        catch (System.Net.Sockets.SocketException)
        {
            return true;
        }
    }

    private async Task<string> CurlAsync(string arguments) => (await mesh.Client.RunAsync("curl", ["-sS", "--max-time", "20", .. arguments.Split(' ')])).Output;

    private async Task ApplyAsync(string action, params string[] rules)
    {
        mesh.Mesh.Objects.Write(Policy, $"""
            apiVersion: culvert.dev/v1alpha1
            kind: AuthorizationPolicy
            metadata:
              name: {Policy}
              namespace: {MeshObjects.Namespace}
            spec:
              selector:
                matchLabels:
                  app: web
              action: {action}
              rules:
            {string.Concat(rules.Select(r => $"    - to: [{{{r}}}]\n"))}
            """);
        await WaitForPolicyAsync(present: true);
    }

    private Task WaitForPolicyAsync(bool present) => Task.WhenAll(mesh.Mesh.Nodes.Select(n => SavedSnapshot.WaitAsync(
        n, $"the policy is {(present ? "there" : "gone")}", resources => present == resources.Any(r => r.Policy is { Name: Policy }))));
}
