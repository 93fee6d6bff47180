using System.CommandLine;
using System.Net;
using System.Runtime.InteropServices;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Console;

namespace Culvert.Controller;

/// <summary>The command line of <c>culvert-controller</c>.</summary>
public static class ControllerCommand
{
    private const string DefaultStateFolder = "/var/lib/culvert/controller";
    private const int CannotStart = 1;
    private const int BadOptions = 2;

    /// <summary>Parses and runs; returns the exit code: 0 stopped when asked, 1 could not start, 2 bad options.</summary>
    public static Task<int> RunAsync(string[] args)
    {
        RootCommand root = new("The controller of a Culvert mesh: reads objects, signs certificates, streams snapshots to the agents.");
        root.Subcommands.Add(RunCommand());
        root.Subcommands.Add(TokenCommand());
        return root.Parse(args).InvokeAsync();
    }

    private static Option<string> StateOption() => new("--state-dir") { Description = "Folder for keys and join tokens.", DefaultValueFactory = _ => DefaultStateFolder };

    private static Command RunCommand()
    {
        Option<string> folder = new("--folder", "-f") { Description = "Folder of YAML with the objects; watched.", Required = true };
        Option<string?> listen = new("--listen") { Description = $"ADDRESS:PORT for agents, TLS. Default without --unix-socket: 0.0.0.0:{ControllerOptions.DefaultPort}." };
        Option<string?> unix = new("--unix-socket") { Description = "Path of a socket for agents of this machine." };
        Option<string[]> names = new("--dns-name") { Description = "DNS name in the controller's certificate; repeatable." };
        Option<double> activation = new("--root-activation-seconds") { Description = "How long a new root is in the bundle before it signs.", DefaultValueFactory = _ => TimeSpan.FromMinutes(5).TotalSeconds };
        Option<string> state = StateOption();
        Command command = new("run", "Run the controller until SIGTERM or SIGINT.") { folder, listen, unix, names, activation, state };
        command.SetAction(async (parsed, cancellation) =>
        {
            string objects = Path.GetFullPath(parsed.GetValue(folder)!);
            if (!Directory.Exists(objects))
            {
                await Console.Error.WriteLineAsync($"culvert-controller: --folder '{objects}' is not a folder that is there");
                return BadOptions;
            }
            string? at = parsed.GetValue(listen) ?? (parsed.GetValue(unix) is null ? $"0.0.0.0:{ControllerOptions.DefaultPort}" : null);
            IPEndPoint? endPoint = null;
            if (at is not null && !IPEndPoint.TryParse(at, out endPoint))
            {
                await Console.Error.WriteLineAsync($"culvert-controller: --listen takes ADDRESS:PORT, not '{at}'");
                return BadOptions;
            }
            using ILoggerFactory loggers = CreateLoggers();
            return await RunAsync(new ControllerOptions
            {
                ObjectFolder = objects,
                StateFolder = Path.GetFullPath(parsed.GetValue(state)!),
                Listen = endPoint,
                UnixSocket = parsed.GetValue(unix),
                DnsNames = parsed.GetValue(names) is { Length: > 0 } given ? given : ["localhost"],
                RootActivationDelay = TimeSpan.FromSeconds(parsed.GetValue(activation)),
                LoggerFactory = loggers,
            }, cancellation);
        });
        return command;
    }

    private static Command TokenCommand()
    {
        Option<string> node = new("--node") { Description = "The node that may join with it.", Required = true };
        Option<double> hours = new("--hours") { Description = "How long it is valid.", DefaultValueFactory = _ => JoinTokenStore.DefaultLifetime.TotalHours };
        Option<string> state = StateOption();
        Command create = new("create", "Make a join token and print it; it is kept as a hash only.") { node, hours, state };
        create.SetAction(parsed =>
        {
            JoinTokenStore tokens = new(ControllerHost.TokenFolder(Path.GetFullPath(parsed.GetValue(state)!)), TimeProvider.System);
            Console.WriteLine(tokens.Create(parsed.GetValue(node)!, TimeSpan.FromHours(parsed.GetValue(hours))));
        });
        return new Command("token", "Join tokens, by which agents get their first certificate.") { create };
    }

    private static async Task<int> RunAsync(ControllerOptions options, CancellationToken cancellationToken)
    {
        TaskCompletionSource signalled = new(TaskCreationOptions.RunContinuationsAsynchronously);
        void OnSignal(PosixSignalContext context)
        {
            context.Cancel = true;
            signalled.TrySetResult();
        }
        using PosixSignalRegistration term = PosixSignalRegistration.Create(PosixSignal.SIGTERM, OnSignal);
        using PosixSignalRegistration interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, OnSignal);
        await using CancellationTokenRegistration cancelled = cancellationToken.Register(() => signalled.TrySetResult());
        try
        {
            await using ControllerHost host = await ControllerHost.StartAsync(options, cancellationToken);
            await signalled.Task;
            return 0;
        }
        catch (Exception e) when (e is IOException or InvalidDataException or InvalidOperationException or UnauthorizedAccessException or ArgumentException)
        {
            await Console.Error.WriteLineAsync($"culvert-controller: {e.Message}");
            return CannotStart;
        }
    }

    private static ILoggerFactory CreateLoggers() => LoggerFactory.Create(logging => logging
        .AddFilter("Microsoft", LogLevel.Warning)
        .AddFilter("Microsoft.Extensions.Hosting", LogLevel.None) // repeats, with its stack, what the start ends with
        .AddSimpleConsole(console =>
        {
            console.SingleLine = true;
            console.UseUtcTimestamp = true;
            console.TimestampFormat = "yyyy-MM-ddTHH:mm:ss.fffZ ";
            console.ColorBehavior = LoggerColorBehavior.Disabled;
        }));
}
