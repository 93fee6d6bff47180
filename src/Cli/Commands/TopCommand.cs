using System.CommandLine;
using System.Diagnostics;
using Culvert.Cli.Admin;
using Culvert.Cli.CommandLine;
using Culvert.Cli.Output;

namespace Culvert.Cli.Commands;

/// <summary><c>culvert top</c></summary>
internal static class TopCommand
{
    private static readonly Option<int> Interval = new("--interval", "-i")
    {
        Description = "How long each span of time is that rates are shown of.",
        HelpName = "SECONDS",
        DefaultValueFactory = _ => 2,
        Validators = { result => GlobalOptions.RequireRange(result, 1, 3600) },
    };

    private static readonly Option<int> Count = new("--count", "-n")
    {
        Description = "How many spans to show; 0 for no end.",
        HelpName = "N",
        DefaultValueFactory = _ => 0,
        Validators = { result => GlobalOptions.RequireRange(result, 0, int.MaxValue) },
    };

    private static readonly Option<int> Rows = new("--rows")
    {
        Description = "Most rows of each table.",
        HelpName = "N",
        DefaultValueFactory = _ => 20,
        Validators = { result => GlobalOptions.RequireRange(result, 1, 10_000) },
    };

    public static Command Create()
    {
        var command = new ExampleCommand(
            "top",
            "Show how many requests of HTTP there are now on this node, by route and by workload, how many fail and how long they take.",
            new Example("culvert top", "goes on until Ctrl-C"),
            new Example("culvert top -n 1 -i 10 -o json", "rates over the next ten seconds, as one JSON document"));
        foreach (var option in new Option[] { Interval, Count, Rows })
        {
            command.Options.Add(option);
        }

        command.SetAction(RunAsync);
        return command;
    }

    private static async Task<int> RunAsync(ParseResult result, CancellationToken cancellationToken)
    {
        var count = result.GetValue(Count);
        using var admin = new AdminClient(result.GetValue(GlobalOptions.AdminSocket)!);
        var printer = new Printer(result);
        using var ticks = new PeriodicTimer(TimeSpan.FromSeconds(result.GetValue(Interval)));
        try
        {
            var before = await admin.RequestsAsync(cancellationToken);
            var asked = Stopwatch.GetTimestamp();
            for (var shown = 0; count == 0 || shown < count; shown++)
            {
                await ticks.WaitForNextTickAsync(cancellationToken);
                var after = await admin.RequestsAsync(cancellationToken);
                var now = Stopwatch.GetTimestamp();
                var report = RequestRates.Between(before, after, Stopwatch.GetElapsedTime(asked, now));
                printer.PrintLine(report, json => json.TopReport, console =>
                {
                    console.Clear(home: true);
                    TopText.Write(console, report, result.GetValue(Rows));
                });
                (before, asked) = (after, now);
            }
        }
        catch (OperationCanceledException) when (count == 0)
        {
            // Ctrl-C is how it ends.
        }

        return (int)ExitCode.Ok;
    }
}
