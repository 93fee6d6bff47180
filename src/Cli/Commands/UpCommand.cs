using System.CommandLine;
using Culvert.Cli.CommandLine;
using Culvert.Cli.Output;
using Culvert.Cli.Up;
using Culvert.GrpcHosting;
using Culvert.NodeAgent.Options;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Console;

namespace Culvert.Cli.Commands;

/// <summary><c>culvert up</c></summary>
internal static class UpCommand
{
    private static readonly Option<string> Folder = new("--folder", "-f") { Description = "Folder of YAML and JSON with the objects; watched.", HelpName = "FOLDER", Required = true };

    private static readonly AgentOptionSet AgentSet = new();

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
        command.Options.Add(Folder);
        foreach (var option in AgentSet.All)
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
        await new UpRunner(options, events, loggers, TimeProvider.System).RunAsync();
        return (int)ExitCode.Ok;
    }

    private static UpOptions Read(ParseResult result)
    {
        var folder = Path.GetFullPath(result.GetValue(Folder)!);
        if (!Directory.Exists(folder))
        {
            throw new CliException(ExitCode.BadInput, $"--folder: {folder} is not a folder", "make it and put the mesh's YAML files in it");
        }

        var problems = new List<string>();
        var agent = AgentSet.Read(result, problems);
        var options = new UpOptions { ObjectFolder = folder, Agent = agent with { Controller = new Uri("unix://" + UpOptions.SocketIn(agent.RunFolder)) } };
        problems.AddRange(options.Agent.Validate());
        return problems.Count == 0 ? options : throw new CliException(ExitCode.BadInput, string.Join("; ", problems));
    }

    // Standard output is for events; the objects' errors are among them and need not be logged as well.
    private static ILoggerFactory CreateLoggers(bool json) => LoggerFactory.Create(logging =>
    {
        logging.AddFilter("Microsoft", LogLevel.Warning).AddGrpcFilters()
            .AddFilter("Microsoft.Extensions.Hosting", LogLevel.None).AddFilter("Culvert.Controller.Sources", LogLevel.Error);
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
