using System.CommandLine;
using System.Globalization;
using Culvert.Cli.CommandLine;
using Culvert.Cli.Demo;
using Culvert.Cli.Output;
using Spectre.Console;

namespace Culvert.Cli.Commands;

/// <summary><c>culvert demo</c></summary>
internal static class DemoCommand
{
    private static readonly Option<bool> Keep = new("--keep") { Description = "Leave the mesh up and print commands to try; the last of them removes it." };

    private static readonly Option<string> Steps = new("--steps")
    {
        Description = "Only these steps, separated by commas: " + string.Join(", ", DemoRunner.Steps.Select(s => s.Name)) + ".",
        HelpName = "LIST",
    };

    public static Command Create()
    {
        var command = new ExampleCommand(
            "demo",
            "Show what the mesh does, with evidence: two nodes made of network namespaces, real programs, about a minute. Needs root, nginx, curl and tcpdump; touches nothing outside its namespaces.",
            new Example("sudo culvert demo", "watch it"),
            new Example("sudo culvert demo --keep", "and play with it afterwards"),
            new Example("sudo culvert demo -o json", "one JSON document with every step"))
        {
            Codes = [(ExitCode.Ok, "every step passed"), (ExitCode.Failed, "at least one step failed")],
        };
        command.Options.Add(Keep);
        command.Options.Add(Steps);
        command.SetAction(RunAsync);
        return command;
    }

    private static async Task<int> RunAsync(ParseResult result, CancellationToken cancellationToken)
    {
        if (!Environment.IsPrivilegedProcess)
        {
            throw new CliException(ExitCode.Unsupported, "the demo makes network namespaces and loads kernel programs, which needs root", "run it with sudo");
        }

        var printer = new Printer(result);
        var progress = result.InvocationConfiguration.Error;
        var runner = new DemoRunner(
            line => progress.WriteLine("... " + line),
            step =>
            {
                if (!printer.IsJson)
                {
                    Write(printer.Console, step);
                }
            });
        var report = await runner.RunAsync(StepNames(result.GetValue(Steps)), result.GetValue(Keep), cancellationToken);
        printer.Print(report, json => json.DemoReport, console => Write(console, report));
        return report.Passed ? (int)ExitCode.Ok : (int)ExitCode.Failed;
    }

    private static string[] StepNames(string? list)
    {
        var names = (list ?? "").Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        var unknown = names.Except(DemoRunner.Steps.Select(s => s.Name), StringComparer.Ordinal).FirstOrDefault();
        return unknown is null
            ? names
            : throw new CliException(ExitCode.BadInput, $"--steps: there is no step '{unknown}'", "there are " + string.Join(", ", DemoRunner.Steps.Select(s => s.Name)));
    }

    private static void Write(IAnsiConsole console, DemoStepReport step)
    {
        console.MarkupLine($"{(step.Passed ? "[green]PASS[/]" : "[red]FAIL[/]")} {Markup.Escape(step.Step)} [grey]({step.Seconds.ToString("0.0", CultureInfo.InvariantCulture)} s)[/]");
        console.MarkupLine($"     {Markup.Escape(step.Evidence)}");
    }

    private static void Write(IAnsiConsole console, DemoReport report)
    {
        var failed = report.Steps.Count(s => !s.Passed);
        console.MarkupLine(string.Create(
            CultureInfo.InvariantCulture,
            $"{(report.Passed ? "[green]All" : $"[red]{failed} of")} {report.Steps.Count} steps {(report.Passed ? "passed" : "failed")}[/] in {report.Seconds:0} s."));
        if (report.Folder is { } folder)
        {
            console.MarkupLine("It is still up. Try:");
            foreach (var line in DemoGuide.Commands(folder))
            {
                console.MarkupLine("  " + Markup.Escape(line));
            }
        }
    }
}
