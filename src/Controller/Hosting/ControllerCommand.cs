using System.CommandLine;
using System.CommandLine.Invocation;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using Culvert.CommandLine;
using Culvert.Controller.Admission;
using Culvert.Controller.Attestation;
using Culvert.Controller.Attestation.Kubernetes;
using Culvert.Controller.Hosting;
using Culvert.Controller.Sharing;
using Culvert.Controller.Sources.Kubernetes;
using Culvert.Kubernetes.Configuration;
using Culvert.Kubernetes.Resources;
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

    // A whole snapshot is to be sent again when an agent comes to another controller.
    private static readonly TimeSpan LongestStream = TimeSpan.FromMinutes(30);

    private static readonly TimeSpan LongestToken = TimeSpan.FromDays(365);
    private static readonly TimeSpan LongestRenewalGrace = TimeSpan.FromDays(365);
    private static readonly TimeSpan LongestActivation = TimeSpan.FromDays(30);

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
        Option<string?> folder = new("--folder", "-f") { Description = "Folder of YAML and JSON with the objects; watched." };
        Option<bool> kubernetes = new("--kubernetes") { Description = "Take the objects from the API server of a cluster: this pod's, or that of a kubeconfig." };
        Option<string?> kubeconfig = new("--kubeconfig") { Description = "With --kubernetes: the kubeconfig file. Default: KUBECONFIG, the pod's service account, ~/.kube/config." };
        Option<string?> context = new("--context") { Description = "With --kubernetes: the kubeconfig's context. Default: its current one." };
        Option<bool> attest = new("--attest-service-accounts") { Description = "With --kubernetes: take service account tokens of the agents' pods beside join tokens (TokenReview)." };
        Option<string> audience = new("--attest-audience") { Description = "Audience that those tokens must be for.", DefaultValueFactory = _ => KubernetesAttestorOptions.DefaultAudience };
        Option<string> account = new("--agent-service-account") { Description = "NAMESPACE/NAME of the service account that agents run as.", DefaultValueFactory = _ => KubernetesAttestorOptions.DefaultServiceAccount.ToString() };
        Option<string?> map = new("--roots-config-map") { Description = "With --kubernetes: NAMESPACE/NAME of a ConfigMap to keep the roots in, for agents that join." };
        Option<string?> secret = new("--state-secret") { Description = "With --kubernetes and --attest-service-accounts: NAMESPACE/NAME of a Secret to keep roots, their keys and revocations in, shared with other controllers of the mesh." };
        Option<string?> configuration = new("--webhook-configuration") { Description = "With --kubernetes: name of a ValidatingWebhookConfiguration by which the API server asks about objects before it stores them; the roots are kept in it." };
        Option<string?> webhook = new("--webhook") { Description = $"With --kubernetes: ADDRESS:PORT where it asks, TLS. Default with --webhook-configuration: 0.0.0.0:{AdmissionOptions.DefaultPort}, else not at all." };
        Option<string?> listen = new("--listen") { Description = $"ADDRESS:PORT for agents, TLS. Default without --unix-socket: 0.0.0.0:{ControllerOptions.DefaultPort}." };
        Option<string?> unix = new("--unix-socket") { Description = "Path of a socket for agents of this machine." };
        Option<string[]> names = new("--dns-name") { Description = "DNS name in the controller's certificate; repeatable." };
        Option<double> activation = new("--root-activation-seconds") { Description = "How long a new root is in the bundle before it signs.", DefaultValueFactory = _ => TimeSpan.FromMinutes(5).TotalSeconds };
        Option<double> grace = new("--node-renewal-grace-hours")
        {
            Description = "How long after its end a node certificate, unless revoked, can still be renewed; 0: not at all, the node needs a new token.",
            DefaultValueFactory = _ => TimeSpan.FromDays(7).TotalHours,
        };
        Option<string> state = StateOption();
        Command command = new("run", "Run the controller until SIGTERM or SIGINT.") { folder, kubernetes, kubeconfig, context, attest, audience, account, map, secret, configuration, webhook, listen, unix, names, activation, grace, state };
        command.SetAction(async (parsed, cancellation) =>
        {
            string? objects = parsed.GetValue(folder) is { } said ? Path.GetFullPath(said) : null;
            bool isCluster = parsed.GetValue(kubernetes);
            if (isCluster == objects is not null) return Fail(BadOptions, isCluster ? "--folder and --kubernetes can't stand together: objects have one source" : "--folder or --kubernetes is required: it says where the objects come from");
            if (!isCluster && (parsed.GetValue(kubeconfig) ?? parsed.GetValue(context)) is not null) return Fail(BadOptions, "--kubeconfig and --context mean something with --kubernetes only");
            KubernetesAttestorOptions? accounts = null;
            if (parsed.GetValue(attest))
            {
                if (!isCluster) return Fail(BadOptions, "--attest-service-accounts means something with --kubernetes only: its API server is asked about the tokens");
                if (ParseName(parsed.GetValue(account)!) is not { } agents) return Fail(BadOptions, $"--agent-service-account takes NAMESPACE/NAME, not '{parsed.GetValue(account)}'");
                if (string.IsNullOrWhiteSpace(parsed.GetValue(audience))) return Fail(BadOptions, "--attest-audience must not be empty: any token would do");
                accounts = new() { Audience = parsed.GetValue(audience)!, ServiceAccount = agents };
            }
            ResourceName? roots = null;
            if (parsed.GetValue(map) is { } given)
            {
                if (!isCluster) return Fail(BadOptions, "--roots-config-map means something with --kubernetes only: the ConfigMap is the cluster's");
                roots = ParseName(given);
                if (roots is null) return Fail(BadOptions, $"--roots-config-map takes NAMESPACE/NAME, not '{given}'");
            }
            ResourceName? shared = null;
            if (parsed.GetValue(secret) is { } shares)
            {
                if (accounts is null) return Fail(BadOptions, "--state-secret means something with --kubernetes and --attest-service-accounts only: join tokens are not shared with other controllers");
                shared = ParseName(shares);
                if (shared is null) return Fail(BadOptions, $"--state-secret takes NAMESPACE/NAME, not '{shares}'");
            }
            AdmissionOptions? admission = null;
            if ((parsed.GetValue(webhook) ?? parsed.GetValue(configuration)) is not null)
            {
                if (!isCluster) return Fail(BadOptions, "--webhook and --webhook-configuration mean something with --kubernetes only: it is its API server that asks");
                string place = parsed.GetValue(webhook) ?? $"0.0.0.0:{AdmissionOptions.DefaultPort}";
                if (!TryParseEndPoint(place, out IPEndPoint? asked)) return Fail(BadOptions, $"--webhook takes ADDRESS:PORT, an IPv6 address in brackets, not '{place}'");
                string? name = parsed.GetValue(configuration);
                if (name is not null && Schema.Names.Subdomain(name) is { } error) return Fail(BadOptions, $"--webhook-configuration {error}");
                admission = new(asked!) { Configuration = name is null ? null : new ResourceName(name) };
            }
            if (objects is not null && !Directory.Exists(objects)) return Fail(BadOptions, $"--folder '{objects}' is not a folder that is there");
            KubernetesOptions? cluster = null;
            try
            {
                if (isCluster) cluster = new(ClusterConfigurations.Find(parsed.GetValue(kubeconfig), parsed.GetValue(context)));
            }
            catch (ConfigurationException e)
            {
                return Fail(BadOptions, $"--kubernetes: {e.Message}");
            }
            string? at = parsed.GetValue(listen) ?? (parsed.GetValue(unix) is null ? $"0.0.0.0:{ControllerOptions.DefaultPort}" : null);
            IPEndPoint? endPoint = null;
            if (at is not null && !TryParseEndPoint(at, out endPoint)) return Fail(BadOptions, $"--listen takes ADDRESS:PORT, an IPv6 address in brackets, not '{at}'");
            double seconds = parsed.GetValue(activation);
            if (!(seconds >= 0 && seconds <= LongestActivation.TotalSeconds)) return Fail(BadOptions, $"--root-activation-seconds takes 0 to {LongestActivation.TotalSeconds}, not {Text(seconds)}");
            double hours = parsed.GetValue(grace);
            if (!(hours >= 0 && hours <= LongestRenewalGrace.TotalHours)) return Fail(BadOptions, $"--node-renewal-grace-hours takes 0 to {LongestRenewalGrace.TotalHours}, not {Text(hours)}");
            using ILoggerFactory loggers = CreateLoggers();
            return await RunAsync(new ControllerOptions
            {
                ObjectFolder = objects,
                Kubernetes = cluster,
                ServiceAccountTokens = accounts,
                RootsConfigMap = roots,
                StateSecret = shared,
                LongestStream = shared is null ? Timeout.InfiniteTimeSpan : LongestStream,
                Admission = admission,
                StateFolder = Path.GetFullPath(parsed.GetValue(state)!),
                Listen = endPoint,
                UnixSocket = parsed.GetValue(unix),
                DnsNames = parsed.GetValue(names) is { Length: > 0 } dnsNames ? dnsNames : ["localhost"],
                RootActivationDelay = TimeSpan.FromSeconds(seconds),
                NodeRenewalGrace = TimeSpan.FromHours(hours),
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
            await using ControllerHost host = await ControllerHost.StartAsync(options, starting.Token);
            await signalled.Task;
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
            IEnumerable<string> places = new[] { options.Listen?.ToString(), options.UnixSocket is { } path ? $"'{path}'" : null, options.Admission?.Listen.ToString() }.OfType<string>();
            return Fail(CannotStart, $"can't listen on {string.Join(" and ", places)}: {e.Message}");
        }
    }

    internal static int Fail(int code, string reason)
    {
        Console.Error.WriteLine($"culvert-controller: {reason}");
        return code;
    }

    private static ResourceName? ParseName(string text) =>
        text.Split('/') is [string ns, string name] && Schema.Names.Label(ns) is null && Schema.Names.Subdomain(name) is null ? new ResourceName(ns, name) : null;

    private static string Text(double value) => value.ToString(CultureInfo.InvariantCulture);

    /// <summary>An address without a port reads as one with port 0, and <c>fd00::5:15012</c> as an address: both are refused. Port 0 itself takes a free one.</summary>
    private static bool TryParseEndPoint(string text, out IPEndPoint? endPoint)
    {
        if (!IPEndPoint.TryParse(text, out endPoint)) return false;
        int port = text.LastIndexOf(':');
        return endPoint.AddressFamily == AddressFamily.InterNetworkV6 ? text.StartsWith('[') && text[port - 1] == ']' : port > 0;
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
