using System.Net;
using Culvert.Core;
using Culvert.Hosting;
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
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Culvert.NodeAgent.Hosting;

/// <summary>
/// What an agent is made of, in the order in which it is made and, at the end, started. All stops in reverse. The only place that knows all parts; each part is
/// owned from the line that makes it, so that a later one that fails leaks none.
/// </summary>
internal static class AgentComposition
{
    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;

    /// <inheritdoc cref="AgentHost.StartAsync"/>
    internal static async Task<AgentHost> StartAsync(AgentOptions options, ILoggerFactory loggers, TimeProvider time, OwnedParts parts, CancellationToken cancellationToken)
    {
        ILogger logger = loggers.CreateLogger("Culvert.Agent");
        DateTimeOffset started = time.GetUtcNow();
        TaskCompletionSource detached = new(TaskCreationOptions.RunContinuationsAsynchronously);
        DatapathState state = new();
        FlowLog flows = new();
        HealthState health = new();
        health.Block("snapshot", "no snapshot is in force yet");
        DrainClock drain = new(time);
        AgentMetrics metrics = new(new MetricRegistry());

        // The node is this agent's, and no other's.
        Capabilities.Require();
        long descriptors = OpenFiles.Require();
        foreach ((string option, string folder) in new[] { ("--run-dir", options.RunFolder), ("--state-dir", options.StateFolder) })
            StartStep.Run($"{option} {folder}", "give a folder that can be made and written", () => Directory.CreateDirectory(folder, OwnerOnly));
        parts.Own(StartStep.Run($"--run-dir {options.RunFolder}", "give a folder that can be written", () => AgentLock.Take(options.RunFolder, logger)));
        PinFolder pins = StartStep.Run($"--bpffs {options.BpfFolder}", "give a folder on a BPF file system, or one where it can be mounted (`mount -t bpf bpf DIR`)", () => PinFolder.Prepare(options.BpfFolder));
        parts.Own(StartStep.Run($"--bpffs {options.BpfFolder}", "give a folder that belongs to the user the agent runs as", () => PinLock.Take(options.BpfFolder, pins)));
        if (pins.IsEmpty()) parts.OnRollback(() => BpfFs.UnpinTree(pins.Root));
        foreach ((string folder, int taken) in pins.TakeOverOtherVersions()) DatapathLog.OtherVersion(logger, folder, taken);

        // Programs and maps, and what attaches them.
        DatapathPrograms programs = parts.Own(StartStep.Run($"--datapath-object {options.DatapathObject}", "`culvert check` says whether this kernel can run it; `make build` makes it anew", () => DatapathPrograms.Load(options, pins, logger)));
        SocketLookup lookup = parts.Own(SocketLookup.Attach(programs.SkLookup, pins));
        ProgramAttacher attacher = parts.Own(new ProgramAttacher(pins, KernelFeatures.ProbeTcx().Present, logger));
        XdpAttacher xdp = parts.Own(new XdpAttacher(pins, Path.Combine(Path.GetDirectoryName(Path.GetFullPath(options.DatapathObject))!, "xdp.bpf.o"), logger, options.UdpHeaderChecksum));
        GenerationWriter writer = new(programs.Maps, logger);
        RouteNetlink netlink = parts.Own(RouteNetlink.Open());
        KernelLinks interfaces = new(netlink);
        foreach (string uplink in options.Uplinks.Where(u => interfaces.FindByName(u) is null)) AgentLog.NoUplink(logger, uplink);
        LinkWatcher links = parts.Own(new LinkWatcher());
        CaptureRoutes routes = new(options);
        if (!routes.AreThere()) parts.OnRollback(() => routes.Remove());
        routes.Ensure();
        DatapathReconciler reconciler = new(
            new InterfacePrograms(programs, attacher, xdp), options.Xdp, writer, () => new KernelLinks(netlink), new PolicyIdFile(options.StateFolder, logger, metrics), new InterfaceOwners(options.RunFolder, logger), options.Uplinks, state, logger);
        FlowSweeper sweeper = new(programs.Maps.Flow, programs.Maps.Usage, programs.Maps.Swept, logger);

        // The controller, and certificates from it.
        NodeCredentials credentials = new(options.NodeName, options.StateFolder, options.JoinTokenFile, time, logger, metrics);
        ControllerLink controller = parts.Own(StartStep.Run(
            $"--bootstrap-roots {options.BootstrapRootsFile}",
            "give a PEM file with the controller's root certificates, roots.pem of its state folder",
            () => new ControllerLink(options.Controller, options.NodeName, options.BootstrapRootsFile, credentials, time, logger)));
        SvidStore svids = parts.OwnAsync(new SvidStore(new ControllerIssuer(controller, time), new SvidCache(options.RunFolder, time, logger), time, logger, metrics));
        TlsIdentityTable tls = new(svids, time, logger);
        svids.Changed += tls.Update;

        // The mesh as the proxy knows it, and what is told of its traffic.
        MeshDirectory directory = new(new MeshView(new NodeSnapshot { Node = options.NodeName }, options.TunnelPort));
        FlowSink sink = new(metrics, flows, options.AccessLog ? loggers.CreateLogger("Culvert.Access") : null);
        FlowContext flowContext = new(directory, state);
        ProxyOptions proxyOptions = ProxySetup.OptionsOf(options, descriptors, programs.Maps, logger);
        ProxyObserver observer = parts.Own(new ProxyObserver(sink, metrics, proxyOptions.Loops, time, loggers.CreateLogger("Culvert.Proxy")));
        parts.Own(new KernelFlowReader(programs.Maps.Events, flowContext, sink, time));
        ProxyServer proxy = parts.OwnAsync(new ProxyServer(proxyOptions, new ProxyAgent(directory, directory, tls, observer, programs.Replies), time));
        tls.Changed += proxy.CertificatesChanged;

        // Snapshots, which have an effect on all of it.
        FlowProber prober = new(programs.Maps.Flow, logger);
        SnapshotTarget target = new(options.TunnelPort, reconciler, state, prober, directory, svids, controller, tls, proxy, health, () => ProxySetup.OfferListeners(proxy, programs.Maps, writer));
        SnapshotApplier applier = parts.Own(new SnapshotApplier(target));
        LinkFollower follower = new(links.Changes, applier, state, time, logger);
        SnapshotClient client = new(options.NodeName, controller, applier, new SnapshotFile(options.StateFolder, options.RunFolder, options.NodeName, logger), metrics, time, logger);

        // What people see.
        KernelMetrics.Register(metrics.Registry, programs.Maps, sweeper, state);
        AgentGauges.Register(metrics.Registry, client, svids, state, time);
        UdpMetrics.Register(metrics.Registry, proxy);
        PlaceMetrics.Register(metrics.Registry, proxy);
        ProcessMetrics.Register(metrics.Registry);
        IReadOnlyList<IPEndPoint> metricsAt = ProbeAddresses.Of(options.Metrics, AgentOptionsDefaults.MetricsPort, options.Uplinks, netlink);
        IReadOnlyList<IPEndPoint> readinessAt = ProbeAddresses.Of(options.Readiness, AgentOptionsDefaults.ReadinessPort, options.Uplinks, netlink);
        ProbeSources probers = new(options.MetricsAllow, () => flowContext.Index, () => state.Current.Uplinks);
        AgentBackend backend = new(options, directory, client, svids, proxy, attacher, xdp, programs.Maps, sweeper, state, health, drain, started, DetachAsync);

        // What runs. The services start in this order.
        StartOnly listening = new(_ => StartStep.RunAsync(
            reason => StartStep.Blame(reason, ("--outbound-port", $":{options.OutboundPort}"), ("--tunnel-port", $":{options.TunnelPort}"), ("--udp-port", $":{options.UdpPort}")),
            "`ss -ltunp` says what listens there; stop it or give another port",
            () =>
            {
                proxy.Start();
                return Task.FromResult(true);
            }));
        WebServer probes = new(
            () => HttpEndpoints.Build(metricsAt, readinessAt, probers, metrics.Registry, health, time, loggers),
            reason => StartStep.Blame(reason, [.. metricsAt.Select(m => ("--metrics", m.ToString())), .. readinessAt.Select(r => ("--readiness", r.ToString()))]),
            "`ss -ltnp` says what listens there; stop it or give another address or port");
        WebServer admin = new(
            () => AdminServer.Build(options.AdminSocket, new AgentAdminService(backend, flows), loggers),
            _ => $"--run-dir {options.RunFolder}",
            $"stop or remove what is at {options.AdminSocket}, or give another folder");
        StartOnly restoring = new(stop =>
        {
            // What follows may put a snapshot into force: pods are guarded by what is in the kernel then.
            parts.Commit();
            return client.RestoreAsync(stop);
        });
        BackgroundWork background = parts.Own(new BackgroundWork(
            logger,
            ("following the controller", client.RunAsync),
            ("saving the snapshot", client.KeepSavedAsync),
            ("renewing the node's certificate", controller.KeepRenewedAsync),
            ("following links", follower.RunAsync),
            ("sweeping flows", stop => Ticker.RunAsync(FlowSweeper.Interval, () => sweeper.Sweep(), time, stop)),
            ("giving memory back", stop => Ticker.RunAsync(NativeHeapKeeper.Interval, NativeHeapKeeper.TrimIfWorthIt, time, stop))));
        ConnectionDrain draining = new(proxy, drain, options.DrainDeadline, detached.Task, health, logger);
        IHost host = ServiceHost.Build(loggers, parts, listening, probes, admin, restoring, background, draining);
        await host.StartAsync(cancellationToken);
        return new AgentHost(parts, metricsAt, detached.Task, background.Failed);

        async Task<IReadOnlyList<string>> DetachAsync(CancellationToken stop)
        {
            IReadOnlyList<string> removed = await applier.DetachAsync(() => Detacher.Detach(attacher, xdp, lookup, pins, routes), stop);
            detached.TrySetResult();
            return removed;
        }
    }
}
