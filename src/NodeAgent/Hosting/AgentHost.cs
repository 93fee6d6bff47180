using System.Net;
using Culvert.Core;
using Culvert.Interop.Bpf;
using Culvert.Interop.Netlink;
using Culvert.NodeAgent.Admin;
using Culvert.NodeAgent.Datapath;
using Culvert.NodeAgent.Identity;
using Culvert.NodeAgent.Mesh;
using Culvert.NodeAgent.Options;
using Culvert.NodeAgent.Proxy;
using Culvert.NodeAgent.Snapshots;
using Culvert.NodeAgent.Telemetry;
using Culvert.NodeAgent.Telemetry.Metrics;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.Logging;

namespace Culvert.NodeAgent.Hosting;

/// <summary>
/// One agent: everything made in the order in which it is needed and stopped in reverse. The only place that knows all parts.
/// </summary>
public sealed class AgentHost : IAsyncDisposable
{
    private readonly AgentOptions _options;
    private readonly ILogger _logger;
    private readonly TaskCompletionSource _detached = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly DatapathState _state = new();
    private readonly FlowLog _flows = new();
    private readonly HealthState _health = new();
    private readonly DrainClock _drain;
    private readonly AgentMetrics _metrics;
    private readonly AgentLock _lock;
    private readonly PinLock _pinLock;
    private readonly DatapathPrograms _programs;
    private readonly ProgramAttacher _attacher;
    private readonly XdpAttacher _xdp;
    private readonly SocketLookup _lookup;
    private readonly GenerationWriter _writer;
    private readonly RouteNetlink _netlink;
    private readonly LinkWatcher _links;
    private readonly LinkFollower _follower;
    private readonly CaptureRoutes _routes;
    private readonly FlowContext _flowContext;
    private readonly MeshDirectory _directory;
    private readonly KernelFlowReader _flowReader;
    private readonly FlowSweeper _sweeper;
    private readonly SvidStore _svids;
    private readonly ControllerLink _channel;
    private readonly SnapshotApplier _applier;
    private readonly SnapshotClient _client;
    private readonly ProxyObserver _observer;
    private readonly ProxyServer _proxy;
    private readonly PinFolder _pins;
    private readonly DateTimeOffset _started;
    private readonly BackgroundWork _background;
    private WebApplication? _http;
    private bool _up;
    private WebApplication? _admin;

    private AgentHost(AgentOptions options, ILoggerFactory loggers, TimeProvider time)
    {
        (_options, _logger) = (options, loggers.CreateLogger("Culvert.Agent"));
        _background = new BackgroundWork(_logger);
        _started = time.GetUtcNow();
        _drain = new DrainClock(time);
        Capabilities.Require();
        long descriptors = OpenFiles.Require();
        foreach ((string option, string folder) in new[] { ("--run-dir", options.RunFolder), ("--state-dir", options.StateFolder) })
            StartStep.Run($"{option} {folder}", "give a folder that can be made and written", () => Directory.CreateDirectory(folder, OwnerOnly));
        _lock = StartStep.Run($"--run-dir {options.RunFolder}", "give a folder that can be written", () => AgentLock.Take(options.RunFolder, _logger));
        _metrics = new AgentMetrics(new MetricRegistry());
        _health.Block("snapshot", "no snapshot is in force yet");

        _pins = StartStep.Run($"--bpffs {options.BpfFolder}", "give a folder on a BPF file system, or one where it can be mounted (`mount -t bpf bpf DIR`)", () => PinFolder.Prepare(options.BpfFolder));
        _pinLock = StartStep.Run($"--bpffs {options.BpfFolder}", "give a folder that belongs to the user the agent runs as", () => PinLock.Take(options.BpfFolder, _pins));
        foreach ((string folder, int links) in _pins.TakeOverOtherVersions()) DatapathLog.OtherVersion(_logger, folder, links);
        _programs = StartStep.Run($"--datapath-object {options.DatapathObject}", "`culvert check` says whether this kernel can run it; `make build` makes it anew", () => DatapathPrograms.Load(options, _pins, _logger));
        _lookup = SocketLookup.Attach(_programs.SkLookup, _pins);
        _attacher = new ProgramAttacher(_pins, KernelFeatures.ProbeTcx().Present, _logger);
        _xdp = new XdpAttacher(_pins, Path.Combine(Path.GetDirectoryName(Path.GetFullPath(options.DatapathObject))!, "xdp.bpf.o"), _logger, options.UdpHeaderChecksum);
        _writer = new GenerationWriter(_programs.Maps, _logger);
        _netlink = RouteNetlink.Open();
        KernelLinks interfaces = new(_netlink);
        foreach (string uplink in options.Uplinks.Where(u => interfaces.FindByName(u) is null)) AgentLog.NoUplink(_logger, uplink);
        _links = new LinkWatcher();
        _routes = new CaptureRoutes(options);
        _routes.Ensure();
        DatapathReconciler reconciler = new(
            new InterfacePrograms(_programs, _attacher, _xdp), options.Xdp, _writer, () => new KernelLinks(_netlink), new PolicyIdFile(options.StateFolder, _logger, _metrics), new InterfaceOwners(options.RunFolder, _logger), options.Uplinks, _state, _logger);
        FlowSink sink = new(_metrics, _flows, options.AccessLog ? loggers.CreateLogger("Culvert.Access") : null);
        _sweeper = new FlowSweeper(_programs.Maps.Flow, _programs.Maps.Usage, _programs.Maps.Swept, _logger);

        NodeCredentials credentials = new(options.NodeName, options.StateFolder, options.JoinTokenFile, time, _logger, _metrics);
        _channel = StartStep.Run(
            $"--bootstrap-roots {options.BootstrapRootsFile}",
            "give a PEM file with the controller's root certificates, roots.pem of its state folder",
            () => new ControllerLink(options.Controller, options.NodeName, options.BootstrapRootsFile, credentials, time, _logger));
        _svids = new SvidStore(new ControllerIssuer(_channel, time), new SvidCache(options.RunFolder, time, _logger), time, _logger, _metrics);
        TlsIdentityTable tls = new(_svids, time, _logger);
        _svids.Changed += tls.Update;

        MeshDirectory directory = _directory = new(new MeshView(new NodeSnapshot { Node = options.NodeName }, options.TunnelPort));
        ProxyOptions proxyOptions = ProxySetup.OptionsOf(options, descriptors, _programs.Maps, _logger);
        _observer = new ProxyObserver(sink, _metrics, proxyOptions.Loops, time, loggers.CreateLogger("Culvert.Proxy"));
        _proxy = new ProxyServer(proxyOptions, new ProxyAgent(directory, directory, tls, _observer, _programs.Replies), time);
        tls.Changed += _proxy.CertificatesChanged;
        _flowContext = new FlowContext(directory, _state);
        _flowReader = new KernelFlowReader(_programs.Maps.Events, _flowContext, sink, time);
        FlowProber prober = new(_programs.Maps.Flow, _logger);
        _applier = new SnapshotApplier(new SnapshotTarget(options.TunnelPort, reconciler, _state, prober, directory, _svids, _channel, tls, _proxy, _health, () => ProxySetup.OfferListeners(_proxy, _programs.Maps, _writer)));
        _follower = new LinkFollower(_links.Changes, _applier, _state, time, _logger);
        _client = new SnapshotClient(options.NodeName, _channel, _applier, new SnapshotFile(options.StateFolder, options.RunFolder, options.NodeName, _logger), _metrics, time, _logger);
        KernelMetrics.Register(_metrics.Registry, _programs.Maps, _sweeper, _state);
        AgentGauges.Register(_metrics.Registry, _client, _svids, _state, time);
        UdpMetrics.Register(_metrics.Registry, _proxy);
        PlaceMetrics.Register(_metrics.Registry, _proxy);
        ProcessMetrics.Register(_metrics.Registry);
    }

    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;

    /// <summary>Where metrics are served.</summary>
    public IReadOnlyList<IPEndPoint> Metrics { get; private set; } = [];

    /// <summary>Completes when somebody had the agent detach, after which it should end.</summary>
    public Task Detached => _detached.Task;

    /// <summary>Completes when a part of the agent has failed, with words on which; it should end then, and be started anew.</summary>
    public Task<string> Failed => _background.Failed;

    /// <summary>
    /// Starts an agent: the snapshot of the last run is in force when this returns, when there is one; the controller is sought in the background.
    /// </summary>
    /// <exception cref="AgentStartException">Something that the user can mend: privileges, a folder, a port, a file; or another agent holds the run folder.</exception>
    /// <exception cref="Interop.KernelException">The kernel refused something else; the message says what and why.</exception>
    public static async Task<AgentHost> StartAsync(AgentOptions options, ILoggerFactory loggers, TimeProvider time, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(loggers);
        AgentHost host = new(options, loggers, time);
        try
        {
            await StartStep.RunAsync(
                reason => StartStep.Blame(reason, ("--outbound-port", $":{options.OutboundPort}"), ("--tunnel-port", $":{options.TunnelPort}"), ("--udp-port", $":{options.UdpPort}")),
                "`ss -ltunp` says what listens there; stop it or give another port",
                () =>
                {
                    host._proxy.Start();
                    return Task.FromResult(true);
                });
            IReadOnlyList<IPEndPoint> metrics = ProbeAddresses.Of(options.Metrics, AgentOptionsDefaults.MetricsPort, options.Uplinks, host._netlink);
            IReadOnlyList<IPEndPoint> readiness = ProbeAddresses.Of(options.Readiness, AgentOptionsDefaults.ReadinessPort, options.Uplinks, host._netlink);
            ProbeSources sources = new(options.MetricsAllow, () => host._flowContext.Index, () => host._state.Current.Uplinks);
            host._http = await StartStep.RunAsync(
                reason => StartStep.Blame(reason, [.. metrics.Select(m => ("--metrics", m.ToString())), .. readiness.Select(r => ("--readiness", r.ToString()))]),
                "`ss -ltnp` says what listens there; stop it or give another address or port",
                () => HttpEndpoints.StartAsync(metrics, readiness, sources, host._metrics.Registry, host._health, time, loggers, cancellationToken));
            host.Metrics = metrics;
            host._admin = await StartStep.RunAsync(
                _ => $"--run-dir {options.RunFolder}",
                $"stop or remove what is at {options.AdminSocket}, or give another folder",
                () => AdminServer.StartAsync(options.AdminSocket, new AgentAdminService(host.Backend(), host._flows), loggers, cancellationToken));
            await host._client.RestoreAsync(cancellationToken);
            host._background.Start("following the controller", host._client.RunAsync);
            host._background.Start("saving the snapshot", host._client.KeepSavedAsync);
            host._background.Start("renewing the node's certificate", host._channel.KeepRenewedAsync);
            host._background.Start("following links", host._follower.RunAsync);
            host._background.Start("sweeping flows", stop => Ticker.RunAsync(FlowSweeper.Interval, () => host._sweeper.Sweep(), time, stop));
            host._background.Start("giving memory back", stop => Ticker.RunAsync(NativeHeapKeeper.Interval, NativeHeapKeeper.TrimIfWorthIt, time, stop));
            host._up = true;
            return host;
        }
        catch
        {
            await host.DisposeAsync();
            throw;
        }
    }

    /// <summary>
    /// Stops: lets proxied connections finish until the drain deadline. All goes on meanwhile, policy and new connections too, because there is no other agent yet to do it. What the kernel carries goes
    /// on afterwards; pins, rules and programs stay for the next agent.
    /// </summary>
    public async ValueTask DisposeAsync()
    {
        _health.Block("agent", "it is stopping");
        if (_up && !_detached.Task.IsCompleted)
        {
            using CancellationTokenSource hurry = new();
            _drain.Begin(_options.DrainDeadline);
            Task<bool> drained = _proxy.DrainAsync(_options.DrainDeadline, hurry.Token);
            await Task.WhenAny(drained, _detached.Task);
            await hurry.CancelAsync();
            long reset = await drained ? 0 : (await _proxy.GetStatsAsync()).Sum(l => (long)l.Connections);
            AgentLog.Drained(_logger, reset);
        }
        await _background.DisposeAsync();
        if (_http is not null) await _http.DisposeAsync();
        if (_admin is not null) await _admin.DisposeAsync();
        await _proxy.DisposeAsync();
        await _svids.DisposeAsync();
        _flowReader.Dispose();
        _observer.Dispose();
        _channel.Dispose();
        _attacher.Dispose();
        _xdp.Dispose();
        _lookup.Dispose();
        _programs.Dispose();
        _links.Dispose();
        _netlink.Dispose();
        _pinLock.Dispose();
        _lock.Dispose();
        _applier.Dispose();
    }

    private AgentBackend Backend() => new(_options, _directory, _client, _svids, _proxy, _attacher, _xdp, _programs.Maps, _sweeper, _state, _health, _drain, _started, DetachAsync);

    private async Task<IReadOnlyList<string>> DetachAsync(CancellationToken cancellationToken)
    {
        IReadOnlyList<string> removed = await _applier.DetachAsync(() => Detacher.Detach(_attacher, _xdp, _lookup, _pins, _routes), cancellationToken);
        _detached.TrySetResult();
        return removed;
    }
}
