using System.Globalization;
using System.Text.RegularExpressions;
using Culvert.Bench.Sides;

namespace Culvert.Bench.Load;

/// <summary>Runs h2load, with HTTP/2 by prior knowledge, and reads its report.</summary>
internal static partial class H2Load
{
    public static async Task<H2LoadResult> RunAsync(Target target, H2LoadShape shape, TimeSpan duration, CancellationToken cancellationToken)
    {
        List<string> arguments =
        [
            "-c", shape.Connections.ToString(CultureInfo.InvariantCulture),
            "-m", shape.Streams.ToString(CultureInfo.InvariantCulture),
            "-D", $"{Math.Max(1, (int)Math.Round(duration.TotalSeconds))}s",
            .. shape.Headers.SelectMany(h => (string[])["-H", h]),
        ];
        if (shape.Body is not null)
        {
            string file = Path.Combine(target.Client.Lab.Folder, "h2load.body");
            await File.WriteAllBytesAsync(file, shape.Body, cancellationToken);
            arguments.AddRange(["-d", file]);
        }
        arguments.Add(new Uri(new Uri(target.Url), shape.Path).ToString());
        return Parse(await target.RunLoadAsync("h2load", arguments, duration, cancellationToken));
    }

    /// <summary>Reads h2load's report.</summary>
    /// <exception cref="FormatException">A figure is missing.</exception>
    internal static H2LoadResult Parse(string report)
    {
        Match requests = Required(Requests().Match(report), report), statuses = Required(Statuses().Match(report), report);
        long Count(Match match, string group) => long.Parse(match.Groups[group].ValueSpan, CultureInfo.InvariantCulture);
        return new H2LoadResult(
            double.Parse(Required(Rate().Match(report), report).Groups["value"].ValueSpan, CultureInfo.InvariantCulture),
            Count(requests, "succeeded"),
            Count(requests, "failed") + Count(requests, "errored") + Count(requests, "timeout") + Count(statuses, "s3") + Count(statuses, "s4") + Count(statuses, "s5"),
            Count(Required(Body().Match(report), report), "value"));
    }

    private static Match Required(Match match, string report) =>
        match.Success ? match : throw new FormatException($"h2load's report lacks a figure the bench needs:\n{report}");

    [GeneratedRegex(@"^finished in [\d.]+m?s, (?<value>[\d.]+) req/s", RegexOptions.Multiline | RegexOptions.ExplicitCapture | RegexOptions.NonBacktracking)]
    private static partial Regex Rate();

    [GeneratedRegex(@"(?<succeeded>\d+) succeeded, (?<failed>\d+) failed, (?<errored>\d+) errored, (?<timeout>\d+) timeout", RegexOptions.ExplicitCapture | RegexOptions.NonBacktracking)]
    private static partial Regex Requests();

    [GeneratedRegex(@"^status codes: \d+ 2xx, (?<s3>\d+) 3xx, (?<s4>\d+) 4xx, (?<s5>\d+) 5xx", RegexOptions.Multiline | RegexOptions.ExplicitCapture | RegexOptions.NonBacktracking)]
    private static partial Regex Statuses();

    [GeneratedRegex(@"\((?<value>\d+)\) data$", RegexOptions.Multiline | RegexOptions.ExplicitCapture | RegexOptions.NonBacktracking)]
    private static partial Regex Body();
}
