using System.CommandLine;
using System.Net;
using System.Runtime.InteropServices;
using Culvert.Interop;
using Culvert.NodeAgent.Options;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Console;

namespace Culvert.NodeAgent.Hosting;

/// <summary>The command line of <c>culvert-agent</c>.</summary>
public static class AgentCommand
{
    private const int BadOptions = 2;
    private const int CannotStart = 1;

    /// <summary>Parses and runs; returns the exit code: 0 stopped when asked, 1 could not start, 2 bad options.</summary>
    public static Task<int> RunAsync(string[] args)
    {
        RootCommand root = new("The agent of one Culvert node: loads the datapath, runs the proxy, follows the controller.");
        root.Subcommands.Add(RunCommand());
        return root.Parse(args).InvokeAsync();
    }

    /// <summary>The <c>run</c> verb, for <c>culvert-agent</c> and other front ends.</summary>
    public static Command RunCommand()
    {
        AgentOptions d = new();
        Option<string> node = new("--node") { Description = "Name of this node as the controller knows it.", DefaultValueFactory = _ => d.NodeName };
        Option<string> bpffs = new("--bpffs") { Description = "Folder on a bpffs for pins; mounted when it is on none.", DefaultValueFactory = _ => d.BpfFolder };
        Option<string> run = new("--run-dir") { Description = "Folder for sockets.", DefaultValueFactory = _ => d.RunFolder };
        Option<string> state = new("--state-dir") { Description = "Folder for what outlives a restart.", DefaultValueFactory = _ => d.StateFolder };
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
        Option<string[]> uplinks = new("--uplink") { Description = "Interface that leads to other nodes; repeatable. Default: found by its address.", AllowMultipleArgumentsPerToken = true };
        Option<string> metrics = new("--metrics") { Description = "ADDRESS:PORT of /metrics.", DefaultValueFactory = _ => d.Metrics.ToString() };
        Option<string> readiness = new("--readiness") { Description = "ADDRESS:PORT of /ready and /live.", DefaultValueFactory = _ => d.Readiness.ToString() };
        Option<int> loops = new("--loops") { Description = "Event loops of the proxy; 0: one per core.", DefaultValueFactory = _ => d.Loops };
        Option<int> nice = new("--loop-nice") { Description = "Nice value of the event loops, -20 to 19; 0: as the process.", DefaultValueFactory = _ => d.LoopNice };
        Option<int> linger = new("--loop-linger-us") { Description = "How long an event loop looks for more before it sleeps, at most, 0 to 1000 us; 0: not at all.", DefaultValueFactory = _ => (int)d.LoopLinger.TotalMicroseconds };
        Option<ushort> outbound = new("--outbound-port") { Description = "Port of the capture listener.", DefaultValueFactory = _ => d.OutboundPort };
        Option<ushort> udp = new("--udp-port") { Description = "Port of the capture socket for UDP.", DefaultValueFactory = _ => d.UdpPort };
        Option<ushort> tunnel = new("--tunnel-port") { Description = "Port of the tunnel.", DefaultValueFactory = _ => d.TunnelPort };
        Option<uint> flows = new("--flow-table-size") { Description = "Entries of the kernel's flow table, two per connection.", DefaultValueFactory = _ => d.FlowTableSize };
        Option<bool> checksum = new("--udp-header-crc") { Description = "Have the programs put a CRC32C into the PROXY v2 headers of datagrams, which the proxy checks." };
        Option<XdpUse> xdp = new("--xdp") { Description = "XDP at the uplinks: auto (while a workload here takes datagrams by the proxy), on or off.", DefaultValueFactory = _ => d.Xdp };
        Option<double> drain = new("--drain-seconds") { Description = "How long a stopping agent lets proxied connections finish.", DefaultValueFactory = _ => d.DrainDeadline.TotalSeconds };
        Option<double> udpIdle = new("--udp-idle-seconds") { Description = "How long a UDP session without datagrams is kept, 1 to 3,600.", DefaultValueFactory = _ => d.UdpIdleTimeout.TotalSeconds };
        Option<bool> access = new("--access-log") { Description = "Log every connection." };
        Option<string> datapath = new("--datapath-object") { Description = "The compiled datapath.", DefaultValueFactory = _ => d.DatapathObject };
        Command command = new("run", "Run the agent until SIGTERM or SIGINT.") { node, bpffs, run, state, controller, roots, token, uplinks, metrics, readiness, loops, nice, linger, outbound, udp, tunnel, flows, xdp, checksum, drain, udpIdle, access, datapath };
        command.SetAction(async (parsed, cancellation) =>
        {
            if (!IPEndPoint.TryParse(parsed.GetValue(metrics)!, out IPEndPoint? metricsAt) | !IPEndPoint.TryParse(parsed.GetValue(readiness)!, out IPEndPoint? readinessAt))
            {
                await Console.Error.WriteLineAsync("--metrics and --readiness take ADDRESS:PORT, for example 0.0.0.0:15020 or [::]:15020");
                return BadOptions;
            }
            return await RunAsync(new AgentOptions
            {
                NodeName = parsed.GetValue(node)!,
                BpfFolder = Path.GetFullPath(parsed.GetValue(bpffs)!),
                RunFolder = Path.GetFullPath(parsed.GetValue(run)!),
                StateFolder = Path.GetFullPath(parsed.GetValue(state)!),
                Controller = parsed.GetValue(controller)!,
                BootstrapRootsFile = parsed.GetValue(roots),
                JoinTokenFile = parsed.GetValue(token),
                Uplinks = parsed.GetValue(uplinks) ?? [],
                Metrics = metricsAt!,
                Readiness = readinessAt!,
                Loops = parsed.GetValue(loops),
                LoopNice = parsed.GetValue(nice),
                LoopLinger = TimeSpan.FromMicroseconds(parsed.GetValue(linger)),
                OutboundPort = parsed.GetValue(outbound),
                UdpPort = parsed.GetValue(udp),
                TunnelPort = parsed.GetValue(tunnel),
                FlowTableSize = parsed.GetValue(flows),
                Xdp = parsed.GetValue(xdp),
                UdpHeaderChecksum = parsed.GetValue(checksum),
                DrainDeadline = TimeSpan.FromSeconds(parsed.GetValue(drain)),
                UdpIdleTimeout = TimeSpan.FromSeconds(parsed.GetValue(udpIdle)),
                AccessLog = parsed.GetValue(access),
                DatapathObject = parsed.GetValue(datapath)!,
            }, cancellation);
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

        using ILoggerFactory loggers = CreateLoggers();
        ILogger logger = loggers.CreateLogger("Culvert.Agent");
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
            await using AgentHost host = await AgentHost.StartAsync(options, loggers, TimeProvider.System, cancellationToken);
            AgentLog.Up(logger, options.NodeName, AgentVersion.Text, options.AdminSocket, options.Metrics);
            await Task.WhenAny(signalled.Task, host.Detached);
            AgentLog.Stopping(logger, options.DrainDeadline.TotalSeconds);
            return 0;
        }
        catch (AgentStartException e)
        {
            await Console.Error.WriteLineAsync($"culvert-agent: {e.Message}");
            return CannotStart;
        }
        catch (Exception e) when (e is KernelException or InvalidOperationException or IOException or UnauthorizedAccessException)
        {
            await Console.Error.WriteLineAsync($"culvert-agent: {e.Message}");
            await Console.Error.WriteLineAsync("culvert-agent: `culvert check` says what this machine lacks and how to mend it");
            return CannotStart;
        }
    }

    private static ILoggerFactory CreateLoggers() => LoggerFactory.Create(logging => logging
        .SetMinimumLevel(LogLevel.Information)
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
