using System.Globalization;
using System.Net;
using System.Text.Json;
using Culvert.Labs;
using Culvert.Labs.Mesh;
using Culvert.SystemTests.Fixtures;
using Culvert.SystemTests.Peers;

namespace Culvert.SystemTests;

/// <summary>Programs that speak UDP, unchanged, on one node and between nodes.</summary>
[Collection(MeshCollection.Name)]
public sealed class UdpProgramTests(MeshFixture mesh)
{
    // Datagrams that wait for longer than they are worth are dropped, as they do where others have the machine.
    private const int Attempts = 3;

    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(15);

    [Theory]
    [ClassData(typeof(AllPaths))]
    public async Task Dig_asks_dnsmasq_over_UDP_and_TCP_port_53(TestPath path, TestFamily family)
    {
        var (pod, address) = mesh.Server(path, family);
        await using var server = await StartDnsAsync(pod);
        Assert.Equal("192.0.2.7", await DigAsync(address, "a.culvert.test", "A"));
        Assert.Equal("192.0.2.7", await DigAsync(address, "b.culvert.test", "A", "+tcp"));
        var text = await DigAsync(address, "long.culvert.test", "TXT", "+bufsize=4096", "+notcp", "+ignore");
        Assert.Equal(1000, text.Count(c => c == 'x')); // one datagram of more than 512 bytes
        text = await DigAsync(address, "long.culvert.test", "TXT", "+bufsize=512");
        Assert.Equal(1000, text.Count(c => c == 'x')); // truncated, so asked again by TCP
    }

    [Fact]
    public async Task Dig_asks_a_Service_by_its_address()
    {
        const string Vip4 = "10.96.53.53", Vip6 = "fd96::53:53";
        await using var far = await StartDnsAsync(mesh.Far);
        await using var near = await StartDnsAsync(mesh.Near);
        var yaml = MeshObjects.Service("dns", "web", 53, 53, Vip4, Vip6);
        mesh.Mesh.Objects.Write("dns-service", yaml.TrimEnd() + "\n    - {name: udp, port: 53, targetPort: 53, protocol: UDP}\n");
        try
        {
            await mesh.Node1.WaitForServiceAsync("dns");
            foreach (var vip in new[] { Vip4, Vip6 })
            {
                var address = IPAddress.Parse(vip);
                var answers = new HashSet<string>(StringComparer.Ordinal);
                for (var i = 0; i < 64 && answers.Count < 2; i++)
                {
                    answers.Add(await DigAsync(address, "who.culvert.test", "TXT")); // each from a port of its own, so each balanced
                }

                Assert.Equal(["\"far\"", "\"near\""], answers.Order(StringComparer.Ordinal));
                Assert.Equal("192.0.2.7", await DigAsync(address, "a.culvert.test", "A", "+tcp"));
            }
        }
        finally
        {
            mesh.Mesh.Objects.Remove("dns-service");
            await mesh.Node1.WaitForServiceAsync("dns", present: false);
        }
    }

    [Theory]
    [InlineData(TestPath.Direct, TestFamily.IPv4, false)]
    [InlineData(TestPath.Direct, TestFamily.IPv6, true)]
    [InlineData(TestPath.Tunnel, TestFamily.IPv4, false)]
    [InlineData(TestPath.Tunnel, TestFamily.IPv4, true)]
    [InlineData(TestPath.Tunnel, TestFamily.IPv6, false)]
    [InlineData(TestPath.Tunnel, TestFamily.IPv6, true)]
    public async Task Iperf3_sends_datagrams_in_either_direction(TestPath path, TestFamily family, bool reverse)
    {
        var (pod, address) = mesh.Server(path, family);
        await using var server = pod.Start("iperf3-" + pod.Name, "iperf3", "-s", "-p", "5201", "-B", address.ToString());
        await LabWait.ForListenerAsync(server, 5201);
        string[] direction = reverse ? ["-R"] : [];
        List<int> lost = [];
        do
        {
            var run = await mesh.Client.RunAsync("iperf3", ["-c", address.ToString(), "-p", "5201", "-u", "-b", "20M", "-l", "1200", "-n", "2M", "-w", "1M", "-J", .. direction]);
            Assert.True(run.Succeeded, run.Output + run.Error);
            using var report = JsonDocument.Parse(run.Output);
            var sum = report.RootElement.GetProperty("end").GetProperty("sum");
            Assert.InRange(sum.GetProperty("packets").GetInt32(), 1700, 3000);
            lost.Add(sum.GetProperty("lost_packets").GetInt32());
        }
        while (lost[^1] > 0 && lost.Count < Attempts);
        Assert.True(lost[^1] == 0, $"lost in each attempt: {string.Join(", ", lost)}");
    }

    [Theory]
    [ClassData(typeof(AllPaths))]
    public async Task Socat_gets_back_what_it_sends(TestPath path, TestFamily family)
    {
        var (pod, address) = mesh.Server(path, family);
        await using var echo = UdpPeer.StartEcho(pod, family);
        var v = family == TestFamily.IPv4 ? "4" : "6";
        var to = $"UDP{v}:{(family == TestFamily.IPv4 ? address : $"[{address}]")}:{echo.EndPoint.Port}";
        var run = await mesh.Client.RunAsync("socat", ["-t1", "-", to], "hello over UDP\n");
        Assert.Equal("hello over UDP\n", run.Output);
    }

    [Theory]
    [ClassData(typeof(AllPaths))]
    public async Task Socat_answers(TestPath path, TestFamily family)
    {
        var (pod, address) = mesh.Server(path, family);
        var v = family == TestFamily.IPv4 ? "4" : "6";
        const int Port = 7007;
        var bind = family == TestFamily.IPv4 ? address.ToString() : $"[{address}]";
        await using var server = pod.Start("socat-" + pod.Name, "socat", $"UDP{v}-RECVFROM:{Port},bind={bind},fork", "PIPE");
        await UntilBoundAsync(server, Port);
        using var client = UdpPeer.Connect(mesh.Client, new IPEndPoint(address, Port));
        foreach (var size in new[] { 1, 1000, 4000 })
        {
            var message = new byte[size];
            new Random(size).NextBytes(message);
            await UdpPeer.ExchangeAsync(client, message);
        }
    }

    [Theory]
    [InlineData(TestFamily.IPv4)]
    [InlineData(TestFamily.IPv6)]
    public async Task Nginx_in_a_pod_of_another_node_forwards_datagrams_into_the_mesh(TestFamily family)
    {
        // client (node1) -> tunnel -> nginx in far (node2) -> tunnel -> open (node1), and back.
        const int Port = 7053;
        await using var behind = UdpPeer.StartEcho(mesh.Open, family);
        await using var nginx = await LabNginx.StartAsync(mesh.Far, $"nginx-udp-{family}", $$"""
            stream {
                server { listen {{new IPEndPoint(MeshFixture.AddressOf(mesh.Far, family), Port)}} udp; proxy_pass {{behind.EndPoint}}; proxy_timeout 10s; }
            }
            """);
        await UntilBoundAsync(nginx, Port);
        for (var i = 0; i < 20; i++)
        {
            using var client = UdpPeer.Connect(mesh.Client, new IPEndPoint(MeshFixture.AddressOf(mesh.Far, family), Port));
            var message = new byte[(i * 300) + 1];
            new Random(i).NextBytes(message);
            await UdpPeer.ExchangeAsync(client, message);
        }

        Assert.Equal(20, behind.Received);
    }

    private static async Task<LabProcess> StartDnsAsync(LabPod pod)
    {
        var text = "--txt-record=long.culvert.test" + string.Concat(Enumerable.Repeat("," + new string('x', 250), 4));
        var process = pod.Start(
            "dnsmasq-" + pod.Name, "dnsmasq", "--keep-in-foreground", "--conf-file=/dev/null", "--no-resolv", "--no-hosts", "--user=root", "--pid-file=", "--bind-interfaces", "--interface=eth0", "--except-interface=lo",
            "--edns-packet-max=4096", "--address=/culvert.test/192.0.2.7", text, "--txt-record=who.culvert.test," + pod.Name);
        await LabWait.ForListenerAsync(process, 53);
        return process;
    }

    private static Task UntilBoundAsync(LabProcess process, int port)
    {
        var suffix = string.Create(CultureInfo.InvariantCulture, $":{port:X4} ");
        return LabWait.UntilAsync(
            $"a UDP socket at port {port}",
            () => new[] { "udp", "udp6" }.Any(t => File.ReadAllText(string.Create(CultureInfo.InvariantCulture, $"/proc/{process.Id}/net/{t}")).Contains(suffix, StringComparison.Ordinal)),
            Deadline,
            process);
    }

    private async Task<string> DigAsync(IPAddress server, string name, string type, params string[] options)
    {
        var run = await mesh.Client.RunAsync("dig", ["@" + server, name, type, "+short", "+tries=1", "+time=5", .. options]);
        Assert.True(run.Succeeded, run.Output + run.Error);
        return run.Output.Trim();
    }
}
