using System.Globalization;
using System.Text.Json;
using Culvert.Bench.Sides;

namespace Culvert.Bench.Load;

/// <summary>Runs iperf3 towards a server and reads what arrived there.</summary>
internal static class Iperf
{
    public static async Task<IperfResult> RunAsync(Target target, int streams, TimeSpan duration, CancellationToken cancellationToken) =>
        Parse(await target.RunLoadAsync("iperf3",
        [
            "--json", "-c", target.Host, "-p", target.BulkPort.ToString(CultureInfo.InvariantCulture),
            "-P", streams.ToString(CultureInfo.InvariantCulture),
            "-t", Math.Max(1, (int)Math.Round(duration.TotalSeconds)).ToString(CultureInfo.InvariantCulture),
        ], duration, cancellationToken));

    /// <summary>Reads iperf3's JSON report.</summary>
    /// <exception cref="FormatException">iperf3 reported an error or the report lacks the sums.</exception>
    internal static IperfResult Parse(string json)
    {
        using JsonDocument report = JsonDocument.Parse(json);
        if (report.RootElement.TryGetProperty("error", out JsonElement error)) throw new FormatException($"iperf3: {error.GetString()}");
        if (!report.RootElement.TryGetProperty("end", out JsonElement end) || !end.TryGetProperty("sum_received", out JsonElement sum))
        {
            throw new FormatException($"iperf3's report lacks end.sum_received:\n{json}");
        }
        return new IperfResult(sum.GetProperty("bits_per_second").GetDouble(), sum.GetProperty("bytes").GetDouble());
    }
}
