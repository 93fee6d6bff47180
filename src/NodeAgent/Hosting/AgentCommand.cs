using System.CommandLine;
using System.CommandLine.Invocation;
using System.Runtime.InteropServices;
using Culvert.CommandLine;
using Culvert.GrpcHosting;
using Culvert.Hosting;
using Culvert.Interop;
using Culvert.Interop.Memory;
using Culvert.NodeAgent.Options;
using Culvert.Protocol;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Console;

namespace Culvert.NodeAgent.Hosting;

/// <summary>The command line of <c>culvert-agent</c>.</summary>
public static class AgentCommand
{
    private const int BadOptions = 2;
    private const int Failure = 1;

    /// <summary>The whole program: protects the process first, then runs <see cref="RunAsync(string[])"/>. To be called once, first of all.</summary>
    /// <returns>The exit code, as of <see cref="RunAsync(string[])"/>.</returns>
    public static Task<int> MainAsync(string[] args)
    {
        CoreDumps.Forbid(); // a core dump would hold keys
        OutOfMemory.EndsProcess();
        return RunAsync(args);
    }

    /// <summary>Parses and runs; returns the exit code: 0 stopped when asked, 1 could not start or a part of it failed, 2 bad options.</summary>
    public static async Task<int> RunAsync(string[] args)
    {
        RootCommand root = new("The agent of one Culvert node: loads the datapath, runs the proxy, follows the controller.");
        root.Subcommands.Add(RunCommand());

        // The library would end the process 2 s after a signal; a drain takes as long as --drain-seconds says.
        ParseResult parsed = root.Parse(args);
        if (parsed.Action is not ParseErrorAction) return await parsed.InvokeAsync(new InvocationConfiguration { ProcessTerminationTimeout = null });
        foreach (string mistake in UsageErrors.Of(parsed)) await Console.Error.WriteLineAsync($"culvert-agent: {mistake}");
        await Console.Error.WriteLineAsync($"  {UsageErrors.Hint(parsed)}");
        return BadOptions;
    }

    /// <summary>The <c>run</c> verb, for <c>culvert-agent</c> and other front ends.</summary>
    public static Command RunCommand()
    {
        AgentOptions d = new();
        AgentOptionSet shared = new();
        Option<Uri> controller = new("--controller")
        {
            Description = "https://HOST:PORT or unix:///PATH.",
            DefaultValueFactory = _ => d.Controller,
            CustomParser = result =>
            {
                if (Uri.TryCreate(result.Tokens[0].Value, UriKind.Absolute, out Uri? address)) return address;
                result.AddError($"--controller: '{result.Tokens[0].Value}' is not an address of the form https://HOST:PORT or unix:///PATH");
                return null;
            },
        };
        Option<string?> roots = new("--bootstrap-roots") { Description = "PEM file with the controller's root certificates." };
        Option<string?> token = new("--join-token-file") { Description = "File with this node's join token." };
        Option<string?> workloadApi = new("--spire-workload-api") { Description = "unix:///PATH or tcp://IP:PORT of the Workload API that gives this node its own certificate, in place of a join token, and says who the controller is.", HelpName = "ADDRESS" };
        Option<bool> access = new("--access-log") { Description = "Log every connection." };
        Option<string?> accessFile = new("--access-log-file") { Description = "File for the access log of HTTP requests, where MeshConfig asks for one; none: standard output.", HelpName = "FILE" };
        Option<int> accessMib = new("--access-log-mib") { Description = "Size in MiB from which on another file of it is begun.", DefaultValueFactory = _ => (int)(d.AccessLogFileSize >> 20) };
        Option<int> accessFiles = new("--access-log-files") { Description = "How many files of it are kept.", DefaultValueFactory = _ => d.AccessLogFiles };
        Option<string> datapath = new("--datapath-object") { Description = "The compiled datapath.", DefaultValueFactory = _ => d.DatapathObject };
        Option<bool> takeOver = new("--take-over") { Description = "Take the node over from an agent that runs here, without a pause for new connections; that one carries those that it has until it is stopped." };
        Option<string?> started = new("--started-file") { Description = "File that is made when this agent has the node.", HelpName = "FILE" };
        Command command = new("run", "Run the agent until SIGTERM or SIGINT.") { controller, roots, token, workloadApi, access, accessFile, accessMib, accessFiles, datapath, takeOver, started };
        foreach (Option option in shared.All) command.Options.Add(option);
        command.SetAction(async (parsed, cancellation) =>
        {
            List<string> problems = [];
            AgentOptions options = shared.Read(parsed, problems) with
            {
                Controller = parsed.GetValue(controller)!,
                BootstrapRootsFile = parsed.GetValue(roots),
                JoinTokenFile = parsed.GetValue(token),
                SpireWorkloadApi = WorkloadApiOf(parsed.GetValue(workloadApi), problems),
                AccessLog = parsed.GetValue(access),
                AccessLogFile = parsed.GetValue(accessFile) is { } log ? Path.GetFullPath(log) : null,
                AccessLogFileSize = (long)parsed.GetValue(accessMib) << 20,
                AccessLogFiles = parsed.GetValue(accessFiles),
                DatapathObject = parsed.GetValue(datapath)!,
                TakeOver = parsed.GetValue(takeOver),
                StartedFile = parsed.GetValue(started) is { } file ? Path.GetFullPath(file) : null,
            };
            if (problems.Count == 0) return await RunAsync(options, cancellation);
            foreach (string problem in problems) await Console.Error.WriteLineAsync($"culvert-agent: {problem}");
            return BadOptions;
        });
        return command;
    }

    /// <summary>Runs an agent until a signal, a detach or cancellation.</summary>
    public static async Task<int> RunAsync(AgentOptions options, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(options);
        IReadOnlyList<string> problems = options.Validate();
        foreach (string problem in problems) await Console.Error.WriteLineAsync($"culvert-agent: {problem}");
        if (problems.Count > 0) return BadOptions;

        // Event loops are few, and each has a heap of 1 to 2 MB otherwise.
        NativeHeap.ShareAmongThreads();
        using ILoggerFactory loggers = CreateLoggers();
        ILogger logger = loggers.CreateLogger("Culvert.Agent");
        TaskCompletionSource signalled = new(TaskCreationOptions.RunContinuationsAsynchronously);

        // A second signal of the same kind ends the process at once, as users expect of a second Ctrl-C.
        void OnSignal(PosixSignalContext context) => context.Cancel = signalled.TrySetResult();
        using PosixSignalRegistration term = PosixSignalRegistration.Create(PosixSignal.SIGTERM, OnSignal);
        using PosixSignalRegistration interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, OnSignal);
        using PosixSignalRegistration hangUp = PosixSignalRegistration.Create(PosixSignal.SIGHUP, context =>
        {
            // There is no configuration to read again; the terminal that the agent was started from may go.
            context.Cancel = true;
            AgentLog.HangUp(logger);
        });
        await using CancellationTokenRegistration cancelled = cancellationToken.Register(() => signalled.TrySetResult());
        try
        {
            if (options.Fips) FipsMode.Require();
            await using AgentHost host = await AgentHost.StartAsync(options, loggers, TimeProvider.System, cancellationToken);
            AgentLog.Up(logger, options.NodeName, AgentVersion.Text, options.AdminSocket, string.Join(", ", host.Metrics));
            await Task.WhenAny(signalled.Task, host.Detached, host.Failed);
            await host.SettleAsync();
            AgentLog.Stopping(logger, options.DrainDeadline.TotalSeconds);
            return host.Failed.IsCompleted ? Failure : 0;
        }
        catch (AgentStartException e)
        {
            await Console.Error.WriteLineAsync($"culvert-agent: {e.Message}");
            return Failure;
        }
        catch (Exception e) when (e is KernelException or InvalidOperationException or IOException or UnauthorizedAccessException)
        {
            await Console.Error.WriteLineAsync($"culvert-agent: {e.Message}");
            await Console.Error.WriteLineAsync("culvert-agent: `culvert check` says what this machine lacks and how to mend it");
            return Failure;
        }
    }

    private static SpiffeEndpoint? WorkloadApiOf(string? text, List<string> problems)
    {
        if (text is null) return null;
        if (!SpiffeEndpoint.TryParse(text, out SpiffeEndpoint? endpoint, out string? error)) problems.Add($"--spire-workload-api: '{text}' {error}");
        return endpoint;
    }

    private static ILoggerFactory CreateLoggers() => LoggerFactory.Create(logging => logging
        .SetMinimumLevel(LogLevel.Information)
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
