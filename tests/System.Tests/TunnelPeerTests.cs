using System.Globalization;
using Culvert.Labs;
using Culvert.Labs.Mesh;
using Culvert.SystemTests.Fixtures;
using Culvert.SystemTests.Peers;

namespace Culvert.SystemTests;

[Collection(MeshCollection.Name)]
public sealed class TunnelPeerTests(MeshFixture mesh)
{
    private static readonly TimeSpan Day = TimeSpan.FromDays(1);

    private TestAuthority Authority => TestAuthority.Of(mesh.Mesh);

    [Theory]
    [InlineData("no-certificate", 101)]
    [InlineData("other-authority", 102)]
    [InlineData("other-trust-domain", 103)]
    [InlineData("expired", 104)]
    [InlineData("not-yet-valid", 105)]
    public async Task A_peer_without_a_good_certificate_is_refused_counted_and_logged_once(string kind, int host)
    {
        var folder = mesh.Mesh.Lab.Folder;
        var pem = kind switch
        {
            "other-authority" => TestAuthority.CreateUnknown().Issue(folder, MeshObjects.Identity("client"), -Day, Day),
            "other-trust-domain" => Authority.Issue(folder, "spiffe://elsewhere.example/ns/demo/sa/client", -Day, Day),
            "expired" => Authority.Issue(folder, MeshObjects.Identity("client"), -2 * Day, -Day),
            "not-yet-valid" => Authority.Issue(folder, MeshObjects.Identity("client"), Day, 2 * Day),
            _ => null,
        };
        var source = string.Create(CultureInfo.InvariantCulture, $"10.90.0.{host}");
        await mesh.Mesh.ControllerPlace.ScriptAsync($"ip address add {source}/24 dev {LabNode.Uplink}");
        var before = await FailuresAsync();

        for (var i = 0; i < 3; i++)
        {
            var client = await SClientAsync(source, pem);
            // The server's refusal is an alert after the client believes that the handshake is done (RFC 8446, 4.4.2.4), or a closed connection.
            Assert.DoesNotContain("HTTP", client.Output, StringComparison.Ordinal);
            Assert.True(!client.Succeeded || client.Output.Contains("alert", StringComparison.Ordinal) || client.Error.Contains("alert", StringComparison.Ordinal), client.Output + client.Error);
        }

        await LabWait.UntilAsync("three failures are counted", async () => await FailuresAsync() - before == 3, TimeSpan.FromSeconds(5));
        var lines = mesh.Node2.Agent!.ReadLog().Split('\n').Where(l => l.Contains(source, StringComparison.Ordinal)).ToArray();
        Assert.Single(lines);
    }

    [Fact]
    public async Task A_valid_identity_that_policy_does_not_name_gets_401_and_the_named_one_200()
    {
        var folder = mesh.Mesh.Lab.Folder;
        await using var server = PeerServer.Start(mesh.Far, mesh.Far.Address4, PeerServer.EchoAsync);
        var place = mesh.Node1.Place; // both workloads live there, so the address is plausible

        var guest = await TunnelClient.ConnectAsync(place, mesh.Far.Address4, server.EndPoint.Port, Authority.Issue(folder, MeshObjects.Identity("guest"), -Day, Day));
        var client = await TunnelClient.ConnectAsync(place, mesh.Far.Address4, server.EndPoint.Port, Authority.Issue(folder, MeshObjects.Identity("client"), -Day, Day));
        var elsewhere = await TunnelClient.ConnectAsync(place, mesh.Far.Address4, 15008, Authority.Issue(folder, MeshObjects.Identity("client"), -Day, Day));

        Assert.Equal(401, guest);
        Assert.Equal(200, client);
        Assert.Equal(503, elsewhere);
    }

    [Fact]
    public async Task Curl_and_nghttp_get_an_answer_and_not_a_way_in()
    {
        var pem = Authority.Issue(mesh.Mesh.Lab.Folder, MeshObjects.Identity("client"), -Day, Day);
        var place = mesh.Node1.Place;
        var url = $"https://{mesh.Far.Address4}:15008/";

        var curl = await place.RunAsync("curl", ["-sS", "-k", "--http2", "--cert", pem, "--key", pem, "-o", "/dev/null", "-w", "%{http_code} %{http_version}", "--max-time", "5", url]);
        var old = await place.RunAsync("curl", ["-sS", "-k", "--http1.1", "--cert", pem, "--key", pem, "--max-time", "5", url]);
        var plain = await place.RunAsync("curl", ["-sS", "--max-time", "5", $"http://{mesh.Far.Address4}:15008/"]);
        var nghttp = await place.RunAsync("nghttp", ["-nv", "--cert=" + pem, "--key=" + pem, url]);

        Assert.Equal("400 2", curl.Output); // only CONNECT is served
        Assert.False(old.Succeeded);
        Assert.False(plain.Succeeded);
        Assert.Contains(":status: 400", nghttp.Output, StringComparison.Ordinal);
        Assert.False(mesh.Node2.Agent!.HasExited);
    }

    private async Task<double> FailuresAsync()
    {
        var metrics = await mesh.Node2.MetricsAsync();
        return metrics.Sum("culvert_tls_handshakes_total", "side=\"server\"") - metrics.Sum("culvert_tls_handshakes_total", "side=\"server\"", "result=\"ok\"");
    }

    private Task<ToolResult> SClientAsync(string source, string? pem) => mesh.Mesh.ControllerPlace.RunAsync(
        "openssl",
        [
            "s_client", "-connect", $"{mesh.Far.Address4}:15008", "-bind", source, "-alpn", "h2", "-tls1_3", "-quiet",
            .. pem is null ? Array.Empty<string>() : ["-cert", pem, "-key", pem],
        ],
        input: "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        timeout: TimeSpan.FromSeconds(10));
}
