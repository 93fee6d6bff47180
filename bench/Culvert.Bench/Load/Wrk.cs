using System.Globalization;
using System.Text.RegularExpressions;
using Culvert.Bench.Sides;

namespace Culvert.Bench.Load;

/// <summary>Runs wrk and reads its report.</summary>
internal static partial class Wrk
{
    public static async Task<WrkResult> RunAsync(Target target, WrkShape shape, TimeSpan duration, CancellationToken cancellationToken)
    {
        List<string> arguments =
        [
            "--latency", "--timeout", "10s",
            "-t", shape.Threads.ToString(CultureInfo.InvariantCulture),
            "-c", shape.Connections.ToString(CultureInfo.InvariantCulture),
            "-d", $"{Math.Max(1, (int)Math.Round(duration.TotalSeconds))}s",
        ];
        if (shape.CloseEachTime) arguments.AddRange(["-H", "Connection: close"]);
        arguments.Add(target.Url);
        return Parse(await target.RunLoadAsync("wrk", arguments, duration, cancellationToken));
    }

    /// <summary>Reads wrk's report, as printed with --latency.</summary>
    /// <exception cref="FormatException">A figure is missing.</exception>
    internal static WrkResult Parse(string report)
    {
        long errors = 0;
        Match socket = SocketErrors().Match(report);
        foreach (string kind in (string[])["connect", "read", "write", "timeout"])
        {
            if (socket.Success) errors += long.Parse(socket.Groups[kind].ValueSpan, CultureInfo.InvariantCulture);
        }
        Match status = BadStatus().Match(report);
        if (status.Success) errors += long.Parse(status.Groups["value"].ValueSpan, CultureInfo.InvariantCulture);
        return new WrkResult(
            double.Parse(Required(Rate().Match(report), report).Groups["value"].ValueSpan, CultureInfo.InvariantCulture),
            long.Parse(Required(Total().Match(report), report).Groups["value"].ValueSpan, CultureInfo.InvariantCulture),
            Microseconds(Required(P50().Match(report), report)),
            Microseconds(Required(P99().Match(report), report)),
            errors);
    }

    private static Match Required(Match match, string report) =>
        match.Success ? match : throw new FormatException($"wrk's report lacks a figure the bench needs:\n{report}");

    private static double Microseconds(Match match) =>
        double.Parse(match.Groups["value"].ValueSpan, CultureInfo.InvariantCulture) * match.Groups["unit"].Value switch
        {
            "us" => 1,
            "ms" => 1_000,
            "s" => 1_000_000,
            "m" => 60_000_000,
            string unit => throw new FormatException($"Unit of time unknown: {unit}"),
        };

    [GeneratedRegex(@"^Requests/sec:\s+(?<value>[\d.]+)", RegexOptions.Multiline | RegexOptions.ExplicitCapture | RegexOptions.NonBacktracking)]
    private static partial Regex Rate();

    [GeneratedRegex(@"^\s*(?<value>\d+) requests in ", RegexOptions.Multiline | RegexOptions.ExplicitCapture | RegexOptions.NonBacktracking)]
    private static partial Regex Total();

    [GeneratedRegex(@"^\s+50%\s+(?<value>[\d.]+)(?<unit>us|ms|s|m)", RegexOptions.Multiline | RegexOptions.ExplicitCapture | RegexOptions.NonBacktracking)]
    private static partial Regex P50();

    [GeneratedRegex(@"^\s+99%\s+(?<value>[\d.]+)(?<unit>us|ms|s|m)", RegexOptions.Multiline | RegexOptions.ExplicitCapture | RegexOptions.NonBacktracking)]
    private static partial Regex P99();

    [GeneratedRegex(@"Socket errors: connect (?<connect>\d+), read (?<read>\d+), write (?<write>\d+), timeout (?<timeout>\d+)", RegexOptions.ExplicitCapture | RegexOptions.NonBacktracking)]
    private static partial Regex SocketErrors();

    [GeneratedRegex(@"Non-2xx or 3xx responses: (?<value>\d+)", RegexOptions.ExplicitCapture | RegexOptions.NonBacktracking)]
    private static partial Regex BadStatus();
}
