using System.Collections.Immutable;
using Culvert.Core;
using Culvert.Interop.Abi;
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
public sealed class AgentHost : ISnapshotSink, IFlowContext, IAsyncDisposable
{
    private readonly AgentOptions _options;
    private readonly ILogger _logger;
    private readonly TimeProvider _time;
    private readonly CancellationTokenSource _stop = new();
    private readonly TaskCompletionSource _detached = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly SemaphoreSlim _applying = new(1, 1);
    private readonly DatapathState _state = new();
    private readonly FlowLog _flows = new();
    private readonly HealthState _health = new();
    private readonly AgentMetrics _metrics;
    private readonly AgentLock _lock;
    private readonly DatapathPrograms _programs;
    private readonly ProgramAttacher _attacher;
    private readonly XdpAttacher _xdp;
    private readonly BpfLink _recycled;
    private readonly GenerationWriter _writer;
    private readonly RouteNetlink _netlink;
    private readonly LinkWatcher _links;
    private readonly CaptureRoutes _routes;
    private readonly DatapathReconciler _reconciler;
    private readonly KernelFlowReader _flowReader;
    private readonly FlowSweeper _sweeper;
    private readonly FlowProber _prober;
    private readonly MeshDirectory _directory;
    private readonly SvidStore _svids;
    private readonly TlsIdentityTable _tls;
    private readonly ControllerLink _channel;
    private readonly SnapshotClient _client;
    private readonly ProxyObserver _observer;
    private readonly ProxyServer _proxy;
    private readonly PinFolder _pins;
    private readonly DateTimeOffset _started;
    private readonly List<Task> _background = [];
    private WebApplication? _http;
    private WebApplication? _admin;

    private AgentHost(AgentOptions options, ILoggerFactory loggers, TimeProvider time)
    {
        (_options, _time, _logger) = (options, time, loggers.CreateLogger("Culvert.Agent"));
        _started = time.GetUtcNow();
        Capabilities.Require();
        foreach ((string option, string folder) in new[] { ("--run-dir", options.RunFolder), ("--state-dir", options.StateFolder) })
            StartStep.Run($"{option} {folder}", "give a folder that can be made and written", () => Directory.CreateDirectory(folder, OwnerOnly));
        _lock = StartStep.Run($"--run-dir {options.RunFolder}", "give a folder that can be written", () => AgentLock.Take(options.RunFolder));
        _metrics = new AgentMetrics(new MetricRegistry());
        _health.Block("snapshot", "no snapshot is in force yet");

        _pins = StartStep.Run($"--bpffs {options.BpfFolder}", "give a folder on a BPF file system, or one where it can be mounted (`mount -t bpf bpf DIR`)", () => PinFolder.Prepare(options.BpfFolder));
        foreach ((string folder, int links) in _pins.TakeOverOtherVersions()) DatapathLog.OtherVersion(_logger, folder, links);
        _programs = StartStep.Run($"--datapath-object {options.DatapathObject}", "`culvert check` says whether this kernel can run it; `make build` makes it anew", () => DatapathPrograms.Load(options, _pins, _logger));
        // Serves the listeners of this process: it lasts as long as they do.
        _recycled = BpfLink.AttachSocketLookup(_programs.Recycled);
        _attacher = new ProgramAttacher(_pins, KernelFeatures.ProbeTcx().Present, _logger);
        _xdp = new XdpAttacher(_pins, Path.Combine(Path.GetDirectoryName(Path.GetFullPath(options.DatapathObject))!, "xdp.bpf.o"), _logger, options.UdpHeaderChecksum);
        _writer = new GenerationWriter(_programs.Maps);
        _netlink = RouteNetlink.Open();
        KernelLinks interfaces = new(_netlink);
        foreach (string uplink in options.Uplinks.Where(u => interfaces.FindByName(u) is null)) AgentLog.NoUplink(_logger, uplink);
        _links = new LinkWatcher();
        _routes = new CaptureRoutes(options);
        _routes.Ensure();
        _reconciler = new DatapathReconciler(_programs, _attacher, _xdp, options.Xdp, _writer, () => new KernelLinks(_netlink), new PolicyIdFile(options.StateFolder, _logger), options.Uplinks, _state, _logger);
        FlowSink sink = new(_metrics, _flows, options.AccessLog ? loggers.CreateLogger("Culvert.Access") : null);
        _sweeper = new FlowSweeper(_programs.Maps.Flow, time, _logger);
        _prober = new FlowProber(_programs.Maps.Flow, _logger);

        NodeCredentials credentials = new(options.NodeName, options.StateFolder, options.JoinTokenFile, time, _logger);
        _channel = StartStep.Run(
            $"--bootstrap-roots {options.BootstrapRootsFile}",
            "give a PEM file with the controller's root certificates, roots.pem of its state folder",
            () => new ControllerLink(options.Controller, options.NodeName, options.BootstrapRootsFile, credentials, time));
        _svids = new SvidStore(new ControllerIssuer(_channel, time), new SvidCache(options.RunFolder, time, _logger), time, _logger, _metrics);
        _tls = new TlsIdentityTable(_svids, _logger);
        _svids.Changed += _tls.Update;

        _directory = new MeshDirectory(new MeshView(new NodeSnapshot { Node = options.NodeName }, options.TunnelPort));
        int loops = options.Loops > 0 ? options.Loops : Environment.ProcessorCount;
        _observer = new ProxyObserver(sink, _metrics, loops, time, loggers.CreateLogger("Culvert.Proxy"));
        bool mayHurry = options.LoopNice >= 0 || Capabilities.CanRaisePriority();
        if (!mayHurry) AgentLog.NormalPriority(_logger, options.LoopNice);
        _proxy = new ProxyServer(ProxyOptionsOf(options, loops) with { LoopNice = mayHurry ? options.LoopNice : 0 }, new ProxySeams(_directory, _directory, _tls, _observer) { Replies = _programs.Replies }, time);
        _tls.Changed += _proxy.CertificatesChanged;
        _flowReader = new KernelFlowReader(_programs.Maps.Events, this, sink, time);
        _client = new SnapshotClient(options.NodeName, _channel, this, new SnapshotFile(options.StateFolder, options.NodeName, _logger), _metrics, time, _logger);
        KernelMetrics.Register(_metrics.Registry, _programs.Maps, _sweeper, _state);
        AgentGauges.Register(_metrics.Registry, _client, _svids, _state, time);
        UdpMetrics.Register(_metrics.Registry, _proxy);
        ProcessMetrics.Register(_metrics.Registry);
    }

    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;

    /// <summary>Completes when somebody had the agent detach, after which it should end.</summary>
    public Task Detached => _detached.Task;

    /// <summary>The snapshot in force with its look-ups.</summary>
    public SnapshotIndex Index => _directory.View.Index;

    /// <summary>What keeps the agent from being ready.</summary>
    public HealthState Health => _health;

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
            host.OfferListeners();
            host._http = await StartStep.RunAsync(
                reason => StartStep.Blame(reason, ("--metrics", options.Metrics.ToString()), ("--readiness", options.Readiness.ToString())),
                "`ss -ltnp` says what listens there; stop it or give another address or port",
                () => HttpEndpoints.StartAsync(options.Metrics, options.Readiness, host._metrics.Registry, host._health, loggers, cancellationToken));
            host._admin = await StartStep.RunAsync(
                _ => $"--run-dir {options.RunFolder}",
                $"stop or remove what is at {options.AdminSocket}, or give another folder",
                () => AdminServer.StartAsync(options.AdminSocket, new AgentAdminService(host.Backend(), host._flows), loggers, cancellationToken));
            await host._client.RestoreAsync(cancellationToken);
            host._background.Add(Task.Run(() => host._client.RunAsync(host._stop.Token), CancellationToken.None));
            host._background.Add(Task.Run(() => host._sweeper.RunAsync(host._stop.Token), CancellationToken.None));
            host._background.Add(Task.Run(() => host.FollowLinksAsync(host._stop.Token), CancellationToken.None));
            return host;
        }
        catch
        {
            await host.DisposeAsync();
            throw;
        }
    }

    /// <inheritdoc/>
    public async Task ApplyAsync(NodeSnapshot snapshot, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(snapshot);
        await _applying.WaitAsync(cancellationToken);
        try
        {
            _reconciler.Apply(snapshot);
            TimeSpan lifetimeBefore = _directory.View.Snapshot.Mesh.CertificateLifetime;
            _directory.View = new MeshView(snapshot, _options.TunnelPort, _directory.View);
            Dictionary<SpiffeId, string> wanted = [];
            foreach (WorkloadInfo workload in snapshot.LocalWorkloads()) wanted.TryAdd(workload.Identity, workload.Uid);
            _svids.Want(wanted);
            if (snapshot.Mesh.CertificateLifetime < lifetimeBefore) _svids.RenewLongerThan(snapshot.Mesh.CertificateLifetime * (1 + snapshot.Mesh.CertificateLifetimeJitter));
            _channel.SetBundle(snapshot.TrustBundle);
            _tls.Update(snapshot.TrustBundle, wanted.Keys.ToHashSet());
            _proxy.ReauthorizeAll();
            _prober.Probe(_state.Current.Generation);
            _health.Clear("snapshot");
        }
        finally
        {
            _applying.Release();
        }
    }

    (NamespacedName Policy, int Rule)? IFlowContext.FindRule(uint ruleId) => _state.Current.Rules.TryGetValue(ruleId, out (NamespacedName, int) rule) ? rule : null;

    /// <summary>
    /// Stops: lets proxied connections finish until the drain deadline. What the kernel carries goes on; pins, rules and programs stay for the next agent.
    /// </summary>
    public async ValueTask DisposeAsync()
    {
        _health.Block("agent", "it is stopping");
        await _stop.CancelAsync();
        await Task.WhenAll(_background);
        if (_http is not null) await _http.DisposeAsync();
        if (_admin is not null) await _admin.DisposeAsync();
        await _proxy.DrainAsync(_detached.Task.IsCompleted ? TimeSpan.Zero : _options.DrainDeadline);
        await _svids.DisposeAsync();
        _flowReader.Dispose();
        _observer.Dispose();
        _channel.Dispose();
        _attacher.Dispose();
        _xdp.Dispose();
        _recycled.Dispose();
        _programs.Dispose();
        _links.Dispose();
        _netlink.Dispose();
        _lock.Dispose();
        _stop.Dispose();
        _applying.Dispose();
    }

    private static ProxyOptions ProxyOptionsOf(AgentOptions options, int loops) => new()
    {
        Loops = loops,
        LoopLinger = options.LoopLinger,
        OutboundListeners = [new(System.Net.IPAddress.Loopback, options.OutboundPort), new(System.Net.IPAddress.IPv6Loopback, options.OutboundPort)],
        TunnelListeners = [new(System.Net.IPAddress.Loopback, options.TunnelPort), new(System.Net.IPAddress.IPv6Loopback, options.TunnelPort)],
        UdpListeners = [new(System.Net.IPAddress.Loopback, options.UdpPort), new(System.Net.IPAddress.IPv6Loopback, options.UdpPort)],
        RawListeners = [new(System.Net.IPAddress.Loopback, 0), new(System.Net.IPAddress.IPv6Loopback, 0)],
        ForbiddenPorts = [options.OutboundPort, options.TunnelPort, options.UdpPort],
        UdpIdleTimeout = options.UdpIdleTimeout,
        DatagramStreamIdleTimeout = TimeSpan.FromSeconds(Math.Max(180, options.UdpIdleTimeout.TotalSeconds * 2)),
    };

    private AgentBackend Backend() => new(_options, this, _client, _svids, _proxy, _attacher, _xdp, _programs.Maps, _sweeper, _state, _health, _started, DetachAsync);

    // The sockmap is how the programs find the listeners; slots of an agent that is gone are empty by themselves.
    private void OfferListeners()
    {
        uint[] counts = new uint[(int)CvListenerKind.Kinds];
        foreach ((IReadOnlyList<ProxyListener> listeners, CvListenerKind four, CvListenerKind six) in
            new[] { (_proxy.OutboundListeners, CvListenerKind.Out4, CvListenerKind.Out6), (_proxy.TunnelListeners, CvListenerKind.Tunnel4, CvListenerKind.Tunnel6),
                (_proxy.UdpListeners, CvListenerKind.Udp4, CvListenerKind.Udp6), (_proxy.RawListeners, CvListenerKind.Raw4, CvListenerKind.Raw6) })
        {
            foreach (ProxyListener listener in listeners)
            {
                int kind = (int)(listener.Local.IsIPv4 ? four : six);
                _programs.Maps.Listener.SetDescriptor(((uint)kind * CvAbi.MaxListeners) + counts[kind]++, listener.Handle);
            }
        }
        _writer.SetListeners(counts);
    }

    // A veth that appears (or is made anew) after the snapshot that names its workload.
    private async Task FollowLinksAsync(CancellationToken stop)
    {
        try
        {
            await foreach (ImmutableArray<string> changed in _links.Changes.ReadAllAsync(stop))
            {
                NodeSnapshot snapshot = _directory.View.Snapshot;
                if (snapshot.Version == 0 || !Concerns(snapshot, changed)) continue;
                try
                {
                    if (!_reconciler.IsCurrent(snapshot)) await ApplyAsync(snapshot, stop);
                }
                catch (Exception e) when (e is Interop.KernelException or ArgumentException)
                {
                    AgentLog.ReconcileFailed(_logger, e.Message);
                }
            }
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            // Stopping.
        }
    }

    private bool Concerns(NodeSnapshot snapshot, ImmutableArray<string> changed)
    {
        DatapathInForce current = _state.Current;
        return changed.IsEmpty
            || !current.NotCaptured.IsEmpty
            || current.Endpoints.Any(e => changed.Contains(e.Interface))
            || snapshot.LocalWorkloads().Any(w => w.HostInterface is { } name && changed.Contains(name));
    }

    private async Task<IReadOnlyList<string>> DetachAsync(CancellationToken cancellationToken)
    {
        await _applying.WaitAsync(cancellationToken);
        try
        {
            IReadOnlyList<string> removed = Detacher.Detach(_attacher, _xdp, _pins, _routes);
            _detached.TrySetResult();
            return removed;
        }
        finally
        {
            _applying.Release();
        }
    }
}

internal static partial class AgentLog
{
    [LoggerMessage(EventId = 1, Level = LogLevel.Error, Message = "the datapath could not follow a change of links: {Reason}")]
    internal static partial void ReconcileFailed(ILogger logger, string reason);

    [LoggerMessage(EventId = 2, Level = LogLevel.Information, Message = "node {Node}: agent {Version} is up; admin socket {Socket}, metrics on {Metrics}")]
    internal static partial void Up(ILogger logger, string node, string version, string socket, System.Net.IPEndPoint metrics);

    [LoggerMessage(EventId = 4, Level = LogLevel.Warning, Message = "--uplink {Interface}: there is no such interface; what other nodes send arrives unmarked until it appears (`ip link` lists those there are)")]
    internal static partial void NoUplink(ILogger logger, string @interface);

    [LoggerMessage(EventId = 5, Level = LogLevel.Information, Message = "the event loops run at the normal priority: --loop-nice {Nice} needs CAP_SYS_NICE")]
    internal static partial void NormalPriority(ILogger logger, int nice);

    [LoggerMessage(EventId = 3, Level = LogLevel.Information, Message = "stopping; proxied connections have {Seconds} s")]
    internal static partial void Stopping(ILogger logger, double seconds);
}
