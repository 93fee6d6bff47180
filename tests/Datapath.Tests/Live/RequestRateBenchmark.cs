using System.Globalization;
using System.Text.RegularExpressions;
using Culvert.Datapath.Tests.Support;
using Culvert.Labs;

namespace Culvert.Datapath.Tests.Live;

/// <summary>
/// HTTP requests and bulk over the direct path, against plain routing over the same veths, in turns. Run by name: it takes a minute and
/// its figures are ratios of a shared machine.
/// </summary>
public sealed partial class RequestRateBenchmark(LiveWorld world, ITestOutputHelper output) : IClassFixture<LiveWorld>
{
    private const int Rounds = 4;

    [Fact(Explicit = true)]
    public async Task Direct_against_plain_routing()
    {
        world.Reset();
        string configuration = Path.Combine(world.Node.Folder, "nginx.conf");
        await File.WriteAllTextAsync(configuration, """
            worker_processes 1; daemon off; pid nginx.pid; error_log stderr;
            events { worker_connections 1024; }
            http { access_log off; keepalive_requests 100000000; server { listen 8080; listen [::]:8080; location / { return 200 "hello\n"; } } }
            """);
        await using LabProcess nginx = world.PodB.Start("nginx", "nginx", "-p", world.Node.Folder, "-c", configuration);
        await using LabProcess iperf = world.PodB.Start("iperf3", "iperf3", "-s", "-p", "5201");
        foreach (bool v6 in (bool[])[false, true])
        {
            string host = v6 ? $"[{world.B.Address6}]" : world.B.Address4.ToString(), vip = v6 ? $"[{World.Vip(v6)}]" : World.Vip(v6).ToString();
            await RateAsync($"http://{host}:8080/", 1);
            List<double> plain = [], direct = [], service = [], plainBulk = [], directBulk = [];
            for (int round = 0; round < Rounds; round++)
            {
                world.Detach();
                plain.Add(await RateAsync($"http://{host}:8080/", 3));
                plainBulk.Add(await BulkAsync(world.B.Address(v6).ToString()));
                world.Attach();
                direct.Add(await RateAsync($"http://{host}:8080/", 3));
                service.Add(await RateAsync($"http://{vip}:80/", 3));
                directBulk.Add(await BulkAsync(world.B.Address(v6).ToString()));
            }
            output.WriteLine($"{(v6 ? "IPv6" : "IPv4")}: plain {plain.Average():0} req/s; direct/plain {Ratio(direct, plain)}, service/plain {Ratio(service, plain)}; plain {plainBulk.Average():0.0} Gbit/s; direct/plain bulk {Ratio(directBulk, plainBulk)}");
        }
    }

    private static string Ratio(List<double> one, List<double> other) => string.Join(" ", one.Zip(other, (a, b) => $"{a / b:0.00}").Append($"(mean {one.Average() / other.Average():0.00})"));

    private async Task<double> RateAsync(string url, int seconds)
    {
        var result = await world.PodA.RunAsync("wrk", ["-t", "1", "-c", "64", "-d", $"{seconds}s", url]);
        return double.Parse(Rate().Match(result.Output).Groups[1].Value, CultureInfo.InvariantCulture);
    }

    private async Task<double> BulkAsync(string host)
    {
        var result = await world.PodA.RunAsync("iperf3", ["-c", host, "-p", "5201", "-t", "2", "-f", "g"]);
        return double.Parse(Bulk().Match(result.Output).Groups[1].Value, CultureInfo.InvariantCulture);
    }

    [GeneratedRegex(@"Requests/sec:\s+([0-9.]+)")]
    private static partial Regex Rate();

    [GeneratedRegex(@"([0-9.]+) Gbits/sec.*receiver")]
    private static partial Regex Bulk();
}
