using System.CommandLine;
using System.Net;
using Culvert.Cli.CommandLine;
using Culvert.Cli.Output;
using Culvert.Cli.Up;
using Culvert.NodeAgent.Options;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Console;

namespace Culvert.Cli.Commands;

/// <summary><c>culvert up</c></summary>
internal static class UpCommand
{
    private static readonly AgentOptions Defaults = new();

    private static readonly Option<string> Folder = new("--folder", "-f") { Description = "Folder of YAML with the objects; watched.", HelpName = "FOLDER", Required = true };

    private static readonly Option<string> Node = new("--node")
    {
        Description = "Name of this node, as in spec.node of its workloads.",
        HelpName = "NAME",
        DefaultValueFactory = _ => Defaults.NodeName,
    };

    private static readonly Option<string> StateFolder = new("--state-dir")
    {
        Description = "Folder for what outlives a restart: keys, last snapshot.",
        HelpName = "DIR",
        DefaultValueFactory = _ => Defaults.StateFolder,
    };

    private static readonly Option<string> RunFolder = new("--run-dir")
    {
        Description = "Folder for sockets.",
        HelpName = "DIR",
        DefaultValueFactory = _ => Defaults.RunFolder,
    };

    private static readonly Option<string> BpfFolder = new("--bpffs")
    {
        Description = "Folder on a BPF file system for pins; mounted when it is on none.",
        HelpName = "DIR",
        DefaultValueFactory = _ => Defaults.BpfFolder,
    };

    private static readonly Option<string[]> Uplink = new("--uplink") { Description = "Interface that leads to other machines; repeatable. Default: found by its routes.", HelpName = "NAME" };

    private static readonly Option<string> Metrics = new("--metrics")
    {
        Description = "Where /metrics is served.",
        HelpName = "ADDRESS:PORT",
        DefaultValueFactory = _ => Defaults.Metrics.ToString(),
    };

    private static readonly Option<string> Readiness = new("--readiness")
    {
        Description = "Where /ready and /live are served.",
        HelpName = "ADDRESS:PORT",
        DefaultValueFactory = _ => Defaults.Readiness.ToString(),
    };

    public static Command Create()
    {
        var command = new ExampleCommand(
            "up",
            "Run the mesh of one machine: controller and agent in one process, objects from a folder of YAML. Ends on Ctrl-C or SIGTERM; what the kernel carries goes on until `culvert detach --all`.",
            new Example("sudo culvert up -f ./mesh", "until Ctrl-C; edits take effect when a file is saved"),
            new Example("sudo culvert up -f ./mesh --node edge-1 --metrics 127.0.0.1:15020", "with a name, and metrics for this machine only"),
            new Example("sudo culvert up -f ./mesh -o json", "events as lines of JSON"))
        {
            Codes = [(ExitCode.Ok, "stopped when asked")],
            HandlesSignals = true,
        };
        foreach (var option in new Option[] { Folder, Node, StateFolder, RunFolder, BpfFolder, Uplink, Metrics, Readiness })
        {
            command.Options.Add(option);
        }

        command.SetAction(RunAsync);
        return command;
    }

    private static async Task<int> RunAsync(ParseResult result, CancellationToken cancellationToken)
    {
        var options = Read(result);
        var printer = new Printer(result);
        using var loggers = CreateLoggers(printer.IsJson);
        var events = new UpEvents(printer, result.InvocationConfiguration.Output, options.ObjectFolder, TimeProvider.System);
        await new UpRunner(options, events, loggers, TimeProvider.System).RunAsync().ConfigureAwait(false);
        return (int)ExitCode.Ok;
    }

    private static UpOptions Read(ParseResult result)
    {
        var folder = Path.GetFullPath(result.GetValue(Folder)!);
        if (!Directory.Exists(folder))
        {
            throw new CliException(ExitCode.BadInput, $"--folder: {folder} is not a folder", "make it and put the mesh's YAML files in it");
        }

        var runFolder = Path.GetFullPath(result.GetValue(RunFolder)!);
        var options = new UpOptions
        {
            ObjectFolder = folder,
            Agent = new AgentOptions
            {
                NodeName = result.GetValue(Node)!,
                StateFolder = Path.GetFullPath(result.GetValue(StateFolder)!),
                RunFolder = runFolder,
                BpfFolder = Path.GetFullPath(result.GetValue(BpfFolder)!),
                Uplinks = result.GetValue(Uplink) ?? [],
                Metrics = EndPointOf(result, Metrics),
                Readiness = EndPointOf(result, Readiness),
                Controller = new Uri("unix://" + UpOptions.SocketIn(runFolder)),
            },
        };
        var problems = options.Agent.Validate();
        return problems.Count == 0 ? options : throw new CliException(ExitCode.BadInput, string.Join("; ", problems));
    }

    private static IPEndPoint EndPointOf(ParseResult result, Option<string> option) => IPEndPoint.TryParse(result.GetValue(option)!, out var endPoint)
        ? endPoint
        : throw new CliException(ExitCode.BadInput, $"{option.Name}: '{result.GetValue(option)}' is not of the form ADDRESS:PORT", "for example 127.0.0.1:15020 or [::]:15020");

    // Standard output is for events; the objects' errors are among them and need not be logged as well.
    private static ILoggerFactory CreateLoggers(bool json) => LoggerFactory.Create(logging =>
    {
        logging.AddFilter("Microsoft", LogLevel.Warning).AddFilter("Microsoft.Extensions.Hosting", LogLevel.None).AddFilter("Culvert.Controller.Sources", LogLevel.Error);
        logging.Services.Configure<ConsoleLoggerOptions>(console => console.LogToStandardErrorThreshold = LogLevel.Trace);
        if (json)
        {
            logging.AddJsonConsole(console => (console.UseUtcTimestamp, console.TimestampFormat) = (true, "yyyy-MM-ddTHH:mm:ss.fffZ"));
            return;
        }

        logging.AddSimpleConsole(console =>
        {
            console.SingleLine = true;
            console.UseUtcTimestamp = true;
            console.TimestampFormat = "yyyy-MM-ddTHH:mm:ss.fffZ ";
            console.ColorBehavior = LoggerColorBehavior.Disabled;
        });
    });
}
