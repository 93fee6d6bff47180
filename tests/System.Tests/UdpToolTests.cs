using System.Globalization;
using System.Text.Json;
using Culvert.Labs;
using Culvert.Labs.Mesh;
using Culvert.SystemTests.Fixtures;

namespace Culvert.SystemTests;

/// <summary>Programs that people run over UDP.</summary>
[Collection(MeshCollection.Name)]
public sealed class UdpToolTests(MeshFixture mesh)
{
    private const string NameServer = "10.97.0.54";
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(10);

    [Fact]
    public async Task Dig_asks_unbound_by_a_Service_over_UDP_and_TCP()
    {
        var folder = Path.Combine(mesh.Mesh.Lab.Folder, "unbound");
        Directory.CreateDirectory(folder);
        var config = Path.Combine(folder, "unbound.conf");
        var texts = string.Concat(Enumerable.Range(0, 60).Select(i => $"  local-data: 'big.test. TXT \"{new string((char)('a' + (i % 26)), 60)}{i}\"'\n"));
        await File.WriteAllTextAsync(config, $"""
            server:
              interface: {mesh.Far.Address4}
              port: 53
              access-control: 0.0.0.0/0 allow
              do-daemonize: no
              chroot: ""
              username: ""
              pidfile: ""
              use-syslog: no
              directory: "{folder}"
              local-zone: "test." static
              local-data: "www.test. A 192.0.2.80"
            {texts}
            remote-control:
              control-enable: no

            """);
        await using var server = mesh.Far.Start("far.unbound", "unbound", "-c", config);
        mesh.Mesh.Objects.Write("names-udp", MeshObjects.Service("names-udp", "web", 53, 53, NameServer, "fd97::54").Replace(
            "      protocol: TCP", "      protocol: TCP\n    - name: dns\n      port: 53\n      targetPort: 53\n      protocol: UDP", StringComparison.Ordinal));
        try
        {
            await mesh.Node1.WaitForServiceAsync("names-udp");
            // The near pod is a backend as well, where nobody answers: ask the far one by its address, then both by the Service until it has answered.
            await LabWait.UntilAsync("unbound answers", async () => (await DigAsync(mesh.Far.Address4.ToString(), "www.test", "A")).Contains("192.0.2.80", StringComparison.Ordinal), Deadline);
            Assert.Contains("192.0.2.80", await DigAsync(mesh.Far.Address4.ToString(), "www.test", "A", "+tcp"), StringComparison.Ordinal);
            await LabWait.UntilAsync("the Service answers", async () => (await DigAsync(NameServer, "www.test", "A")).Contains("192.0.2.80", StringComparison.Ordinal), Deadline);

            // Too large for what the client announced: truncated, so dig asks again over TCP. Large enough: in fragments over UDP.
            var whole = (await DigAsync(mesh.Far.Address4.ToString(), "big.test", "TXT", "+bufsize=512")).Split('\n', StringSplitOptions.RemoveEmptyEntries).Length;
            Assert.Equal(60, whole);
        }
        finally
        {
            mesh.Mesh.Objects.Remove("names-udp");
            await mesh.Node1.WaitForServiceAsync("names-udp", present: false);
        }
    }

    [Theory]
    [InlineData(TestPath.Direct)]
    [InlineData(TestPath.Tunnel)]
    public async Task Iperf3_loses_nothing_at_a_moderate_rate(TestPath path)
    {
        var (pod, address) = mesh.Server(path, TestFamily.IPv4);
        await using var server = pod.Start($"{pod.Name}.iperf3", "iperf3", "-s", "-1", "--forceflush", "-B", address.ToString());
        await LabWait.UntilAsync("iperf3 listens", () => Task.FromResult(server.ReadLog().Contains("listening", StringComparison.Ordinal) || server.HasExited), Deadline);
        var result = await mesh.Client.RunAsync("iperf3", ["-c", address.ToString(), "-u", "-b", "5M", "-t", "3", "-l", "1200", "-J"], null, TimeSpan.FromSeconds(20));
        Assert.True(result.Succeeded, result.Output + result.Error);
        using var report = JsonDocument.Parse(result.Output);
        var sum = report.RootElement.GetProperty("end").GetProperty("sum");
        Assert.True(sum.GetProperty("packets").GetInt64() > 1000, result.Output);
        Assert.True(sum.GetProperty("lost_percent").GetDouble() < 1, string.Create(CultureInfo.InvariantCulture, $"{sum.GetProperty("lost_percent").GetDouble()} % lost"));
    }

    private async Task<string> DigAsync(string server, string name, string type, params string[] options)
    {
        var result = await mesh.Client.RunAsync("dig", ["+short", "+time=1", "+tries=1", "@" + server, name, type, .. options]);
        return result.Output;
    }
}
