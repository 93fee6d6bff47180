using System.CommandLine;
using System.CommandLine.Invocation;
using System.Globalization;
using System.Net.Sockets;
using System.Runtime;
using System.Runtime.InteropServices;
using Culvert.CommandLine;
using Culvert.Controller.Attestation;
using Culvert.Controller.Hosting;
using Culvert.Controller.Sharing;
using Culvert.GrpcHosting;
using Culvert.Hosting;
using Culvert.Interop;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Console;

namespace Culvert.Controller;

/// <summary>The command line of <c>culvert-controller</c>.</summary>
public static class ControllerCommand
{
    internal const int CannotStart = 1;
    internal const int BadOptions = 2;
    internal const int UnknownName = 4; // as of culvert: a file, object or name given is wrong
    private const string DefaultStateFolder = "/var/lib/culvert/controller";

    private static readonly TimeSpan LongestToken = TimeSpan.FromDays(365);

    /// <summary>The whole program: protects the process first, then runs <see cref="RunAsync(string[])"/>. To be called once, first of all.</summary>
    /// <returns>The exit code, as of <see cref="RunAsync(string[])"/>.</returns>
    public static Task<int> MainAsync(string[] args)
    {
        CoreDumps.Forbid(); // a core dump would hold keys
        OutOfMemory.EndsProcess();

        // The native program collects in the background by default. In a controller whose processors are busy, that falls behind:
        // the heap grew to twice the size in use (make bench-scale).
        GCSettings.LatencyMode = GCLatencyMode.Batch;
        return RunAsync(args);
    }

    /// <summary>Parses and runs; returns the exit code: 0 done, or stopped when asked; 1 could not start, or not make the token; 2 bad options; 4 a name given is not known.</summary>
    public static Task<int> RunAsync(string[] args)
    {
        ArgumentNullException.ThrowIfNull(args);

        // Before all else: with very few not even the libraries for the command line can be opened.
        if (args is ["run", ..])
        {
            try
            {
                OpenFiles.Require();
            }
            catch (InvalidOperationException e)
            {
                return Task.FromResult(Fail(CannotStart, e.Message));
            }
        }
        return ParseAndRunAsync(args);
    }

    private static async Task<int> ParseAndRunAsync(string[] args)
    {
        RootCommand root = new("The controller of a Culvert mesh: reads objects, signs certificates, streams snapshots to the agents.");
        root.Subcommands.Add(RunCommand());
        root.Subcommands.Add(TokenCommand());
        root.Subcommands.Add(NodeCommands.Create());
        root.Subcommands.Add(RootCommands.Create());
        ParseResult parsed = root.Parse(args);

        // The library would end the process 2 s after a signal, whatever is still to be done in order.
        if (parsed.Action is not ParseErrorAction) return await parsed.InvokeAsync(new InvocationConfiguration { ProcessTerminationTimeout = null });
        foreach (string mistake in UsageErrors.Of(parsed)) _ = Fail(BadOptions, mistake);
        await Console.Error.WriteLineAsync($"  {UsageErrors.Hint(parsed)}");
        return BadOptions;
    }

    internal static Option<string> StateOption() => new("--state-dir") { Description = "Folder for keys and join tokens.", DefaultValueFactory = _ => DefaultStateFolder };

    private static Command RunCommand()
    {
        RunOptionSet options = new();
        Command command = new("run", "Run the controller until SIGTERM or SIGINT.");
        foreach (Option option in options.All) command.Options.Add(option);
        command.SetAction(async (parsed, cancellation) =>
        {
            List<string> problems = [];
            ControllerOptions read = options.Read(parsed, problems);
            foreach (string problem in problems) _ = Fail(BadOptions, problem);
            if (problems.Count > 0) return BadOptions;
            using ILoggerFactory loggers = CreateLoggers();
            return await RunAsync(read with { LoggerFactory = loggers }, cancellation);
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
            string name = parsed.GetValue(node)!;
            double valid = parsed.GetValue(hours);
            if (Schema.Names.Subdomain(name) is { } error) return Fail(BadOptions, $"--node {error}");
            if (!(valid > 0 && valid <= LongestToken.TotalHours)) return Fail(BadOptions, $"--hours takes more than 0 and at most {LongestToken.TotalHours}, not {Text(valid)}");
            return NodeCommands.Run(parsed.GetValue(state)!, "no token can be made", folder =>
            {
                if (SharedStateMark.Read(folder) is { } shared)
                    return Fail(CannotStart, $"no token can be made: the controller of --state-dir '{folder}' shares its state with others (the Secret {shared}), and join tokens are not shared; nodes of the cluster join without one");
                Console.WriteLine(new JoinTokenStore(ControllerHost.TokenFolder(folder), TimeProvider.System).Create(name, TimeSpan.FromHours(valid)));
                return 0;
            });
        });
        return new Command("token", "Join tokens, by which agents get their first certificate.") { create };
    }

    private static async Task<int> RunAsync(ControllerOptions options, CancellationToken cancellationToken)
    {
        TaskCompletionSource signalled = new(TaskCreationOptions.RunContinuationsAsynchronously);

        // Also a start ends, which may wait for the cluster. A second signal of the same kind ends the process at once, as users expect of a second Ctrl-C.
        using CancellationTokenSource starting = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        void OnSignal(PosixSignalContext context)
        {
            context.Cancel = signalled.TrySetResult();
            starting.Cancel();
        }
        using PosixSignalRegistration term = PosixSignalRegistration.Create(PosixSignal.SIGTERM, OnSignal);
        using PosixSignalRegistration interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, OnSignal);
        using PosixSignalRegistration hangUp = PosixSignalRegistration.Create(PosixSignal.SIGHUP, context =>
        {
            // The folder is watched, there is nothing to read again; the terminal that the controller was started from may go.
            context.Cancel = true;
            HostingLog.HangUp(options.LoggerFactory!.CreateLogger<ControllerHost>());
        });
        await using CancellationTokenRegistration cancelled = cancellationToken.Register(() => signalled.TrySetResult());
        try
        {
            if (options.Fips) FipsMode.Require();
            await using ControllerHost host = await ControllerHost.StartAsync(options, starting.Token);
            await signalled.Task;
            await host.LeaveAsync(cancellationToken);
            return 0;
        }
        catch (OperationCanceledException) when (signalled.Task.IsCompleted)
        {
            return 0;
        }
        catch (Exception e) when (e is IOException or InvalidDataException or InvalidOperationException or UnauthorizedAccessException or ArgumentException)
        {
            return Fail(CannotStart, e.Message);
        }
        catch (SocketException e)
        {
            IEnumerable<string> places = new[] { options.Listen?.ToString(), options.UnixSocket is { } path ? $"'{path}'" : null, options.Admission?.Listen.ToString(), options.BundleEndpoint?.Listen.ToString() }.OfType<string>();
            return Fail(CannotStart, $"can't listen on {string.Join(" and ", places)}: {e.Message}");
        }
    }

    internal static int Fail(int code, string reason)
    {
        Console.Error.WriteLine($"culvert-controller: {reason}");
        return code;
    }

    private static string Text(double value) => value.ToString(CultureInfo.InvariantCulture);

    private static ILoggerFactory CreateLoggers() => LoggerFactory.Create(logging => logging
        .AddFilter("Microsoft", LogLevel.Warning)
        .AddGrpcFilters()
        .AddFilter("Microsoft.Extensions.Hosting", LogLevel.None) // repeats, with its stack, what the start ends with
        .AddSimpleConsole(console =>
        {
            console.SingleLine = true;
            console.UseUtcTimestamp = true;
            console.TimestampFormat = "yyyy-MM-ddTHH:mm:ss.fffZ ";
            console.ColorBehavior = LoggerColorBehavior.Disabled;
        }));
}
