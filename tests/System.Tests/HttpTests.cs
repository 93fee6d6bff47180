using System.Net;
using System.Text;
using Culvert.Labs;
using Culvert.Labs.Mesh;
using Culvert.SystemTests.Fixtures;
using Culvert.SystemTests.Peers;

namespace Culvert.SystemTests;

/// <summary>A Service port of HTTP whose backend is on another node: curl, wrk and h2load in a pod, nginx in the other, and a proxy on each node that reads what they say.</summary>
[Collection(MeshCollection.Name)]
public sealed class HttpTests(MeshFixture mesh)
{
    [Theory]
    [InlineData(TestFamily.IPv4)]
    [InlineData(TestFamily.IPv6)]
    public Task Requests_reach_the_server_from_the_clients_own_address(TestFamily family) => WithServiceAsync(family, "http", async url =>
    {
        double source = await RequestsAsync(mesh.Node1, "source", "2xx"), destination = await RequestsAsync(mesh.Node2, "destination", "2xx");
        string answer = await CurlAsync($"-i {url}/who {url}/who");
        Assert.StartsWith("HTTP/1.1 200 OK\r\nserver: nginx", answer, StringComparison.Ordinal);
        Assert.Equal(2, answer.Split($"\n{MeshFixture.AddressOf(mesh.Client, family)} HTTP/1.1 GET [] /who\n").Length - 1);
        Assert.Equal("1048576", await CurlAsync($"-o /dev/null -w %{{size_download}} {url}/large"));
        Assert.Equal("201", await CurlAsync($"-o /dev/null -w %{{http_code}} -T /proc/self/exe {url}/put/{family}")); // Expect: 100-continue
        await LabWait.UntilAsync("both proxies have counted four requests", async () =>
            await RequestsAsync(mesh.Node1, "source", "2xx") == source + 4 && await RequestsAsync(mesh.Node2, "destination", "2xx") == destination + 4, TimeSpan.FromSeconds(10));
    });

    [Fact]
    public Task What_is_no_request_is_answered_by_the_clients_node_and_reaches_no_server() => WithServiceAsync(TestFamily.IPv4, "http", async url =>
    {
        double source = await RequestsAsync(mesh.Node1, "source", "4xx"), destination = await RequestsAsync(mesh.Node2, "destination", "4xx");
        using var socket = await PeerServer.ConnectAsync(mesh.Client, new IPEndPoint(HttpService.Address4, 80));
        await PeerServer.SendAllAsync(socket, "POST / HTTP/1.1\r\nHost: shop\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: shop\r\n\r\n"u8.ToArray());
        string answer = Encoding.Latin1.GetString(await PeerServer.ReceiveAllAsync(socket));
        Assert.StartsWith("HTTP/1.1 400 Bad Request\r\n", answer, StringComparison.Ordinal);
        Assert.Contains("\r\nproxy-status: culvert; error=http_request_error; details=\"there are both a length of the content and a transfer coding\"\r\n", answer, StringComparison.Ordinal);
        Assert.Equal(source + 1, await RequestsAsync(mesh.Node1, "source", "4xx"));
        Assert.Equal(destination, await RequestsAsync(mesh.Node2, "destination", "4xx"));
    });

    [Fact]
    public Task Many_connections_are_served_without_an_error() => WithServiceAsync(TestFamily.IPv4, "http", async url =>
    {
        string report = (await mesh.Client.RunAsync("wrk", ["-t1", "-c64", "-d2s", $"{url}/who"])).Output;
        Assert.Contains("requests in", report, StringComparison.Ordinal);
        Assert.DoesNotContain("Non-2xx", report, StringComparison.Ordinal);
        Assert.DoesNotContain("Socket errors", report, StringComparison.Ordinal);
    });

    [Theory]
    [InlineData(TestFamily.IPv4)]
    [InlineData(TestFamily.IPv6)]
    public Task Requests_of_HTTP2_reach_the_server_from_the_clients_own_address(TestFamily family) => WithServiceAsync(family, "kubernetes.io/h2c", async url =>
    {
        double source = await RequestsAsync(mesh.Node1, "source", "2xx"), destination = await RequestsAsync(mesh.Node2, "destination", "2xx");
        string answer = await CurlAsync($"--http2-prior-knowledge -i {url}/who"); // one: curl 7.88 can't use such a connection again
        Assert.StartsWith("HTTP/2 200 \r\nserver: nginx", answer, StringComparison.Ordinal);
        Assert.Contains($"\n{MeshFixture.AddressOf(mesh.Client, family)} HTTP/2.0 GET [] /who\n", answer, StringComparison.Ordinal);
        Assert.Equal("1048576", await CurlAsync($"--http2-prior-knowledge -o /dev/null -w %{{size_download}} {url}/large"));
        Assert.Equal("201", await CurlAsync($"--http2-prior-knowledge -o /dev/null -w %{{http_code}} -T /proc/self/exe {url}/put2/{family}"));
        string report = (await mesh.Client.RunAsync("h2load", ["-c", "10", "-m", "32", "-n", "20000", $"{url}/who"])).Output;
        Assert.Contains("20000 done, 20000 succeeded, 0 failed, 0 errored, 0 timeout", report, StringComparison.Ordinal);
        await LabWait.UntilAsync("both proxies have counted all requests", async () =>
            await RequestsAsync(mesh.Node1, "source", "2xx") == source + 20_003 && await RequestsAsync(mesh.Node2, "destination", "2xx") == destination + 20_003, TimeSpan.FromSeconds(10));
    });

    private static async Task<double> RequestsAsync(MeshNode node, string reporter, string code) =>
        (await node.MetricsAsync()).Sum("culvert_http_requests_total", $"reporter=\"{reporter}\"", $"code=\"{code}\"", "path=\"tunnel\"", "source_workload=\"client\"", "destination_workload=\"far\"");

    private async Task<string> CurlAsync(string arguments) => (await mesh.Client.RunAsync("curl", ["-sS", "--max-time", "20", .. arguments.Split(' ')])).Output;

    private async Task WithServiceAsync(TestFamily family, string protocol, Func<string, Task> use)
    {
        await using HttpService service = await HttpService.StartAsync(mesh, mesh.Far, protocol);
        await use(HttpService.Url(family));
    }
}
