using System.CommandLine;
using Culvert.Cli.Checks;
using Culvert.Cli.CommandLine;
using Culvert.Cli.Output;
using Culvert.NodeAgent.Options;
using Spectre.Console;

namespace Culvert.Cli.Commands;

/// <summary><c>culvert check</c></summary>
internal static class CheckCommand
{
    private static readonly Option<string> Controller = new("--controller")
    {
        Description = "Also compare this machine's clock with the controller's.",
        HelpName = "HOST:PORT",
    };

    private static readonly Option<string> BpfFolder = new("--bpffs")
    {
        Description = "The agent's folder on a BPF file system.",
        HelpName = "DIR",
        DefaultValueFactory = _ => AgentOptionsDefaults.BpfFolder,
        Validators = { GlobalOptions.RefuseEmpty },
    };

    private static readonly Option<string> MarkMask = new("--mark-mask")
    {
        Description = "The two bits of packets' marks that the agent will be given. Those of an agent that is there are seen by its rules.",
        HelpName = "MASK",
        DefaultValueFactory = _ => PacketMarks.Default.ToString(),
    };

    public static Command Create()
    {
        MarkMask.Validators.Add(result =>
        {
            if (result.Tokens is [{ Value: var value }] && !PacketMarks.TryParse(value, out _))
            {
                result.AddError($"{MarkMask.Name}: '{value}' is not a mask of two bits, such as {PacketMarks.Default}");
            }
        });
        Controller.Validators.Add(result =>
        {
            if (result.Tokens is [{ Value: var value }] && !ClockCheck.IsHostAndPort(value))
            {
                result.AddError($"{Controller.Name}: '{value}' is not of the form {Controller.HelpName}; an IPv6 address goes in brackets");
            }
        });
        var command = new ExampleCommand(
            "check",
            "Find out whether this machine can run an agent, and say what to do where not. Changes nothing.",
            new Example("sudo culvert check", "before the first start"),
            new Example("sudo culvert check --controller 10.0.0.5:15012", "with the controller's clock"))
        {
            Codes = [(ExitCode.Ok, "no error found; there may be warnings"), (ExitCode.Failed, "at least one error")],
        };
        command.Options.Add(Controller);
        command.Options.Add(BpfFolder);
        command.Options.Add(MarkMask);
        command.SetAction(RunAsync);
        return command;
    }

    private static async Task<int> RunAsync(ParseResult result, CancellationToken cancellationToken)
    {
        var options = new CheckOptions
        {
            Marks = PacketMarks.TryParse(result.GetValue(MarkMask)!, out var marks) ? marks : PacketMarks.Default, // the option's validator has refused what is none
            AdminSocket = result.GetValue(GlobalOptions.AdminSocket)!,
            BpfFolder = result.GetValue(BpfFolder)!,
            Controller = result.GetValue(Controller),
        };
        var report = await CheckRunner.RunAsync(options, cancellationToken);
        new Printer(result).Print(report, json => json.CheckReport, console => Write(console, report));
        return report.Passed ? (int)ExitCode.Ok : (int)ExitCode.Failed;
    }

    private static void Write(IAnsiConsole console, CheckReport report)
    {
        foreach (var finding in report.Findings)
        {
            var mark = finding.Level switch
            {
                FindingLevel.Ok => "[green]ok     [/]",
                FindingLevel.Warning => "[yellow]warning[/]",
                _ => "[red]error  [/]",
            };
            console.MarkupLine($"{mark} {finding.Check,-15} {Markup.Escape(finding.Detail)}");
            if (finding.Remedy is { } remedy)
            {
                console.MarkupLine($"        {"",-15} {Markup.Escape("-> " + remedy)}");
            }
        }

        console.MarkupLine(report.Passed ? "[green]This machine can run an agent.[/]" : "[red]This machine cannot run an agent yet.[/]");
    }
}
