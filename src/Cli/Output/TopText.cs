using System.Globalization;
using Spectre.Console;

namespace Culvert.Cli.Output;

/// <summary>Rates of requests as tables for people.</summary>
internal static class TopText
{
    private static readonly string[] Rates = ["req/s", "4xx", "5xx", "p50", "p99"];

    /// <summary>Writes them.</summary>
    /// <param name="console">Where to.</param>
    /// <param name="report">The rates.</param>
    /// <param name="most">Most rows of a table; what is left out is said.</param>
    public static void Write(IAnsiConsole console, TopReport report, int most)
    {
        if (report.Routes.Count == 0 && report.Workloads.Count == 0)
        {
            console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"no request of HTTP was over in the last {report.Seconds:0.#} s"));
            return;
        }

        Write(console, ["route", "rule", "backend"], [.. report.Routes.Select(r => (new[] { $"{r.Kind} {r.Route}", r.Rule, r.Backend ?? "-" }, r.Rate))], most);
        Write(console, ["from", "to", "seen at"], [.. report.Workloads.Select(w => (new[] { w.Source, w.Destination, w.SeenAt }, w.Rate))], most);
    }

    private static void Write(IAnsiConsole console, string[] names, IReadOnlyList<(string[] Cells, RateReport Rate)> rows, int most)
    {
        if (rows.Count == 0)
        {
            return;
        }

        var table = new Table().Border(TableBorder.None);
        foreach (var name in Rates)
        {
            table.AddColumn(new TableColumn(name).RightAligned());
        }

        foreach (var name in names)
        {
            table.AddColumn(name);
        }

        foreach (var (cells, rate) in rows.Take(most))
        {
            table.AddRow([.. new[] { Number(rate.PerSecond), Share(rate.ClientErrors), Share(rate.ServerErrors), Time(rate.MedianSeconds), Time(rate.P99Seconds) }.Concat(cells).Select(Markup.Escape)]);
        }

        console.Write(table);
        if (rows.Count > most)
        {
            console.WriteLine($"… and {rows.Count - most} more");
        }

        console.WriteLine();
    }

    private static string Number(double value) => value.ToString(value < 10 ? "0.0" : "0", CultureInfo.InvariantCulture);

    private static string Share(double value) => value == 0 ? "-" : string.Create(CultureInfo.InvariantCulture, $"{value * 100:0.#}%");

    private static string Time(double? seconds) => seconds switch
    {
        null => "-",
        < 0.01 => string.Create(CultureInfo.InvariantCulture, $"{seconds * 1000:0.0}ms"),
        < 1 => string.Create(CultureInfo.InvariantCulture, $"{seconds * 1000:0}ms"),
        _ => string.Create(CultureInfo.InvariantCulture, $"{seconds:0.0}s"),
    };
}
