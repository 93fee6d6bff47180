using System.Net;
using Culvert.Core;
using Culvert.Hosting;
using Culvert.Interop;
using Culvert.Interop.Bpf;
using Culvert.Interop.Netlink;
using Culvert.NodeAgent.Admin;
using Culvert.NodeAgent.Cni;
using Culvert.NodeAgent.Cni.Install;
using Culvert.NodeAgent.Datapath;
using Culvert.NodeAgent.Datapath.Delivery;
using Culvert.NodeAgent.Datapath.Firewall;
using Culvert.NodeAgent.Datapath.Inside;
using Culvert.NodeAgent.Hosting.Handover;
using Culvert.NodeAgent.Identity;
using Culvert.NodeAgent.Identity.Spire;
using Culvert.NodeAgent.Mesh;
using Culvert.NodeAgent.Options;
using Culvert.NodeAgent.Proxy;
using Culvert.NodeAgent.Snapshots;
using Culvert.NodeAgent.Telemetry;
using Culvert.NodeAgent.Telemetry.Metrics;
using Culvert.NodeAgent.Telemetry.Requests;
using Culvert.NodeAgent.Telemetry.Tracing;
using Culvert.NodeAgent.WorkloadApi;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Culvert.NodeAgent.Hosting;

/// <summary>
/// What an agent is made of, in the order in which it is made and, at the end, started. All stops in reverse. The only place that knows all parts; each part is
/// owned from the line that makes it, so that a later one that fails leaks none.
/// </summary>
internal static class AgentComposition
{
    /// <inheritdoc cref="AgentHost.StartAsync"/>
    internal static async Task<AgentHost> StartAsync(AgentOptions options, ILoggerFactory loggers, TimeProvider time, OwnedParts parts, CancellationToken cancellationToken)
    {
        ILogger logger = loggers.CreateLogger("Culvert.Agent");
        DateTimeOffset started = time.GetUtcNow();
        TaskCompletionSource detached = new(TaskCreationOptions.RunContinuationsAsynchronously), serving = new(TaskCreationOptions.RunContinuationsAsynchronously);
        DatapathState state = new();
        FlowLog flows = new();
        HealthState health = new();
        health.Block("snapshot", "no snapshot is in force yet");
        DrainClock drain = new(time);
        AgentMetrics metrics = new(new MetricRegistry(time, loggers.CreateLogger("Culvert.Metrics")));

        // The node is this agent's, and no other's.
        Capabilities.Require();
        long descriptors = OpenFiles.Require();
        AgentFolders.Make(options);
        if (options.StartedFile is { } notYet)
        {
            await StartStep.RunAsync(_ => $"--started-file {notYet}", "give a file in a folder that is there and can be written", () =>
            {
                File.Delete(notYet);
                return Task.CompletedTask;
            });
        }

        AgentBefore? before = options.TakeOver ? await AgentBefore.BeginAsync(options, logger, cancellationToken) : null;
        if (before is not null) parts.Own(before);
        LockFile agentLock = parts.Own(AgentLock.Take(options.RunFolder, logger));
        FolderLock stateLock = parts.Own(StateLock.Take(options.StateFolder, logger));
        PinFolder pins = PinFolder.Prepare(options.BpfFolder);
        PinLock pinLock = parts.Own(PinLock.Take(options.BpfFolder, pins));
        if (pins.IsEmpty()) parts.OnRollback(() => BpfFs.UnpinTree(pins.Root));
        foreach ((string folder, int taken) in pins.TakeOverOtherVersions()) DatapathLog.OtherVersion(logger, folder, taken);

        // The controller is followed from here on: to join and to hear of the mesh takes as long as to make what is below, and the applier has it wait for that. The host, further down, is to stop
        // it at its place; here it is stopped when there is no host yet.
        NodeCredentials credentials = new(options.NodeName, options.StateFolder, options.JoinTokenFile, time, logger, metrics);
        SpireNodeIdentity? spireNode = options.SpireWorkloadApi is { } workloadApi ? parts.OwnAsyncDisposable(new SpireNodeIdentity(workloadApi, options.NodeName, time, logger)) : null;
        INodeIdentity own = (INodeIdentity?)spireNode ?? credentials;
        ControllerLink controller = parts.Own(new ControllerLink(options.Controller, options.NodeName, options.BootstrapRootsFile, credentials, time, logger, spireNode));
        PodAttachments attachments = new(options.RunFolder, time, logger);
        SnapshotApplier applier = parts.Own(new SnapshotApplier(attachments.Join));
        SnapshotClient client = new(options.NodeName, controller, applier, new SnapshotFile(options.StateFolder, options.RunFolder, options.NodeName, logger), metrics, time, logger);
        BackgroundWork following = parts.Own(new BackgroundWork(logger, ("following the controller", client.RunAsync)));
        parts.Defer(() => new ValueTask(following.StopAsync(CancellationToken.None)));
        await following.StartAsync(cancellationToken);

        // Programs and maps, and what attaches them.
        (DeliverySockets? arrivals, string? untried) = DeliveryFollower.MakeSockets(logger);
        if (arrivals is not null) parts.Own(arrivals);
        DatapathPrograms programs = parts.Own(DatapathPrograms.Load(options, pins, logger, arrivals?.Ports ?? default));
        if (!options.TakeOver) programs.Replies.RemoveOthers();
        SocketLookup lookup = parts.Own(SocketLookup.Attach(programs.SkLookup, pins));
        bool tcx = KernelFeatures.ProbeTcx().Present;
        ProgramAttacher attacher = parts.Own(new ProgramAttacher(pins, tcx, logger));
        XdpAttacher xdp = parts.Own(new XdpAttacher(pins, Path.Combine(Path.GetDirectoryName(Path.GetFullPath(options.DatapathObject))!, "xdp.bpf.o"), logger, options.UdpHeaderChecksum));
        GenerationWriter writer = new(programs.Maps, logger);
        RouteNetlink netlink = parts.Own(RouteNetlink.Open());
        KernelLinks interfaces = new(netlink);
        foreach (string uplink in options.Uplinks.Where(u => interfaces.FindByName(u) is null)) AgentLog.NoUplink(logger, uplink);
        LinkWatcher links = parts.Own(new LinkWatcher((int)options.RouteTable));
        CaptureRoutes routes = new(options);
        CaptureNat nat = new(options, time, logger);
        TunnelSourceKeeper tunnelSource = new(netlink, state, nat, logger);
        if (!routes.AreThere()) parts.OnRollback(() => Detacher.RemoveRouting(routes, nat));
        routes.Ensure();
        if (OtherAgents.Links(new HashSet<uint> { lookup.Link.Info.Id }).Count == 0)
        {
            routes.RemoveOthers();
            nat.RemoveOthers();
        }
        parts.Own(new NftWatcher(links.RoutingChanges, logger));
        nat.Ensure();
        SpaceNumbers spaces = new(options.RunFolder, logger) { IsLeft = number => PodPrograms.HasPins(pins, number) };
        PodCapture inside = parts.Own(new PodCapture(options, pins, programs.Maps, spaces, tcx, logger));
        NamespaceFinder namespaces = new(spaces, inside.InodeOf, attachments.NetworkNamespaceOf);
        MomentaryPrograms momentary = new(tcx);
        momentary.RemoveLeft(netlink);
        DeliveryKeeper deliveries = new(arrivals is null ? null : new DeliveryProbe(arrivals, programs, netlink, momentary), new LostDeliveries(options.RunFolder, logger), state, logger, untried);
        DatapathReconciler reconciler = new(
            new InterfacePrograms(programs, attacher, xdp, inside), options.Xdp, writer, () => new KernelLinks(netlink, namespaces, deliveries), new PolicyIdFile(options.StateFolder, logger, metrics), new InterfaceOwners(options.RunFolder, logger), options.Uplinks, state, logger, options.Capture);
        FlowSweeper sweeper = new(programs.Maps.Flow, programs.Maps.Usage, programs.Maps.Swept, logger);

        // Certificates of the workloads.
        SvidCache cache = new(options.RunFolder, time, logger);
        ControllerIssuer issuer = new(controller, time);
        SpireSvidStore? spire = options.SpireAgent is { } spireAgent ? new(spireAgent, options.SpireSelectors, time, logger, metrics) : null;
        ISvidStore svids = parts.OwnAsyncDisposable<ISvidStore>((ISvidStore?)spire ?? new SvidStore(issuer, cache, time, logger, metrics) { KeyKind = options.WorkloadKey });
        if (spire is not null) cache.Clear();
        TlsIdentityTable tls = new(svids, time, logger);
        svids.Changed += tls.Update;
        svids.Withdrawn += tls.Withdraw;
        TunnelTrust trust = new(tls, spire, logger);

        // The mesh as the proxy knows it, and what is told of its traffic.
        MeshDirectory directory = new(new MeshView(new NodeSnapshot { Node = options.NodeName }, options.TunnelPort, isNodeAddress: state.IsNodeAddress, isInside: inside.IsInside));
        FlowSink sink = new(metrics, flows, options.AccessLog ? loggers.CreateLogger("Culvert.Access") : null);
        FlowContext flowContext = new(directory, state);
        parts.Own(new SeriesExpiry(metrics.Registry, new SnapshotSubjects(() => directory.View.Snapshot), time));
        ProxyOptions proxyOptions = ProxySetup.OptionsOf(options, descriptors, programs, logger);
        SpanExporter spans = parts.Own(new SpanExporter(options.NodeName, AgentVersion.Text, metrics.Registry, time, loggers.CreateLogger("Culvert.Tracing")));
        RequestTelemetry requests = parts.Own(new RequestTelemetry(proxyOptions.Loops, AccessLogOf(options, loggers), metrics.Registry, time, Random.Shared, loggers.CreateLogger("Culvert.Access"), spans));
        ProxyObserver observer = parts.Own(new ProxyObserver(sink, metrics, () => flowContext.Index, proxyOptions.Loops, time, loggers.CreateLogger("Culvert.Proxy"), requests));
        KernelFlowReader kernelFlows = parts.Own(new KernelFlowReader(programs.Maps.Events, flowContext, sink, time));
        ProxyServer proxy = parts.OwnAsyncDisposable(new ProxyServer(proxyOptions, new ProxyAgent(directory, directory, tls, observer, programs.Replies, new TranslatedConnections(programs.Maps.Flow), new DatagramDraws(programs.Maps.Session), tunnelSource, inside), time));
        tls.Changed += proxy.CertificatesChanged;
        inside.Proxy = proxy;

        // Snapshots, which have an effect on all of it.
        FlowProber prober = new(programs.Maps.Flow, options.Marks.Reject, logger, inside.NamespaceOf);
        SnapshotTarget target = new(options.TunnelPort, reconciler, state, prober, directory, svids, controller, tls, trust, proxy, health, OfferListeners, new EjectionReporter(metrics, loggers.CreateLogger("Culvert.Proxy")).Report, inside.IsInside);
        RefusalReporter refusals = new(options.NodeName, controller, client, state, time, logger);
        LinkFollower follower = new(links.Changes, applier, state, () => namespaces.IsWaiting, time, logger);
        RoutingKeeper routing = new(routes, nat, inside, health, metrics.RoutingRestored, logger);
        FilterWatcher filters = parts.Own(new FilterWatcher());
        DirectPathKeeper directPath = new(writer, parts.Own(new FirewallReader()), netlink, routes, new CniConfiguration(options.CniFolder), logger);
        target.Switched += snapshot =>
        {
            directPath.Use(snapshot.Mesh);
            tunnelSource.Use(snapshot.Mesh);
            requests.Use(snapshot.Mesh);
            nat.KeepSourcesTo(snapshot.LocalWorkloads().SelectMany(w => w.Addresses)); // before the first of it is delivered
        };
        state.Changed += tunnelSource.Look; // before the first connection is taken
        state.Changed += deliveries.Wake;

        // What people see.
        AgentFamilies.Register(metrics.Registry, programs.Maps, sweeper, state, () => attacher.PutFirstCount + inside.PutFirstCount, directPath, tunnelSource, proxy, directory, client, own, svids, trust, time);
        IReadOnlyList<IPEndPoint> metricsAt = ProbeAddresses.Of(options.Metrics, AgentOptionsDefaults.MetricsPort, options.Uplinks, netlink);
        IReadOnlyList<IPEndPoint> readinessAt = ProbeAddresses.Of(options.Readiness, AgentOptionsDefaults.ReadinessPort, options.Uplinks, netlink);
        ProbeSources probers = new(options.MetricsAllow, () => flowContext.Index, () => state.Current.Uplinks);
        MetricsTokens? tokens = options.MetricsTokenFile is { } tokenFile ? MetricsTokens.Open(tokenFile, logger) : null;
        CniInstaller? installer = options.CniProgramFolder is { } programFolder ? parts.Own(new CniInstaller(new CniFolders(options.CniFolder, programFolder), options.CniPlugin, options.CniSocket, options.RunFolder, health, logger)) : null;
        installer?.Announce();
        AgentBackend backend = new(options, directory, client, own, svids, trust, proxy, attacher, xdp, inside, programs.Maps, sweeper, state, directPath, tunnelSource, nat, deliveries, installer, health, drain, started, DetachAsync);

        // What runs. The services start in this order.
        BackgroundWork sending = parts.Own(new BackgroundWork(logger, ("sending spans", spans.RunAsync))); // to the end: also for connections that are drained, or carried on beside another agent
        StartOnly listening = new(_ => ProxySetup.StartAsync(proxy, options));
        WebServer probes = HttpEndpoints.Serve(metricsAt, readinessAt, probers, tokens, metrics.Registry, health, time, loggers);
        WebServer admin = AdminServer.Serve(options, new AgentAdminService(backend, new IdentityAdmin(() => directory.View.Snapshot, svids, () => trust.InForce, own, controller, time, () => trust.Federated), flows, metrics), loggers);
        WebServer cni = CniServer.Serve(options, new CniCommands(new CniMesh(applier, state), attachments, HostEnd.Find, metrics.CniCalls, time, logger), loggers);
        CallerPlaces places = new(time);
        WorkloadApiMetrics answers = new(metrics.Registry, places);
        WorkloadApiServer? workloads = options.WorkloadApi is { } applications ? ServeWorkloads(applications) : null;
        StartOnly restoring = new(stop =>
        {
            // What follows may put a snapshot into force: pods are guarded by what is in the kernel then.
            parts.Commit();
            directPath.Look();
            applier.Open(target);
            return client.Restored.WaitAsync(stop);
        });
        PinKeeper pinKeeper = new(pins, health, logger);
        HandoverServer? offering = null;
        RunFilesWatch runFiles = new(options, () => offering?.IsOffered == true, logger);
        BackgroundWork background = parts.Own(new BackgroundWork(
            logger,
            ("keeping pins", stop => Ticker.RunAsync(PinKeeper.Interval, () => applier.WhileIdleAsync(pinKeeper.Restore, stop), time, stop)),
            ("watching the files by which the agent is found", stop => runFiles.RunAsync(time, stop)),
            ("saving the snapshot", client.KeepSavedAsync),
            ("telling the controller what can't be captured", refusals.RunAsync),
            ("renewing the node's certificate", controller.KeepRenewedAsync),
            ("following links", follower.RunAsync),
            ("probing idle connections", stop => Ticker.RunAsync(FlowProber.Interval, prober.ProbeAgain, time, stop)),
            ("keeping rules and routes", stop => ChangeFollower.RunAsync(links.Routing, RoutingKeeper.Interval, routing.Look, time, stop)),
            ("following the node's packet filter", stop => ChangeFollower.RunAsync(filters.Changes, DirectPathKeeper.Interval, LookAtFilters, time, stop)),
            ("following the node's routing rules", stop => ChangeFollower.RunAsync(links.Rules, Timeout.InfiniteTimeSpan, LookAtRules, time, stop)),
            ("choosing the addresses of tunnels", stop => ChangeFollower.RunAsync(tunnelSource.Changes, TunnelSourceKeeper.Interval, tunnelSource.Look, time, stop)),
            ("trying whether captured packets arrive", new DeliveryFollower(deliveries, applier, time, logger).RunAsync),
            ("keeping the CNI plugin installed", stop => installer?.RunAsync(time, stop) ?? Task.CompletedTask),
            ("sweeping flows", stop => Ticker.RunAsync(FlowSweeper.Interval, () => sweeper.Sweep(), time, stop)),
            ("telling that this agent has the node", TellStartedAsync),
            ("waiting for the end of agents before this one", FollowBeforeAsync),
            ("giving memory back", stop => Ticker.RunAsync(NativeHeapKeeper.Interval, NativeHeapKeeper.TrimIfWorthIt, time, stop))));
        ConnectionDrain draining = new(proxy, drain, options.DrainDeadline, detached.Task, health, logger);
        HandoverServer handover = parts.Own(new HandoverServer(options, LetGoAsync, proxy, time, logger));
        offering = handover;
        IHost host = ServiceHost.Build(loggers, parts, sending, listening, probes, admin, cni, following, restoring, (IHostedService?)workloads ?? new StartOnly(_ => Task.CompletedTask), background, handover, draining);
        await host.StartAsync(cancellationToken);
        return new AgentHost(parts, metricsAt, detached.Task, Task.WhenAny(following.Failed, background.Failed, sending.Failed, handover.Failed, runFiles.Gone).Unwrap(), handover.SettleAsync);

        // To applications of the node's pods.
        WorkloadApiServer ServeWorkloads(string socket)
        {
            NamespaceAttestor attestor = parts.Own(new NamespaceAttestor(() => state.Current.Endpoints, time));
            JwtSvidCache kept = parts.OwnAsyncDisposable(new JwtSvidCache(issuer, time));
            WorkloadApiChanges changes = new();
            svids.Changed += _ => changes.Raise();
            svids.Withdrawn += _ => changes.Raise();
            tls.Changed += changes.Raise; // with the roots, the keys of tokens, and what is revoked
            tls.Changed += () => kept.Forget(trust.InForce.JwtKeys);
            state.Changed += changes.Raise;
            WorkloadApiService service = new(attestor, places, svids, kept, () => trust.InForce, () => trust.Federated, () => tls.Revoked, changes, answers, time);
            return parts.Own(new WorkloadApiServer(socket, service, parts.Own(new CallerConnections(attestor, places, time, logger)), time, loggers, logger));
        }

        void OfferListeners()
        {
            before?.Announce();
            ProxySetup.OfferListeners(proxy, programs.Maps, writer);
            inside.OfferProxy();
            before?.Finish();
            serving.TrySetResult();
        }

        // All that is one agent's at a time: what follows the node and the controller, sockets at fixed places, the kernel's tables, and the locks last. Certificates of what is carried here are renewed on.
        async Task LetGoAsync()
        {
            health.Block("agent", "another one has taken over");
            await Task.WhenAll(((IHostedService?[])[background, following, cni, admin, probes, workloads]).OfType<IHostedService>().Select(s => s.StopAsync(CancellationToken.None)));
            await applier.EndAsync(CancellationToken.None);
            kernelFlows.Dispose();
            pinLock.Dispose();
            stateLock.Dispose();
            agentLock.Dispose();
        }

        async Task TellStartedAsync(CancellationToken stop)
        {
            // Beside another agent that is when connections come here; alone this one is all there is, also while it waits for its first snapshot.
            if (before is not null) await serving.Task.WaitAsync(stop);
            try
            {
                if (options.StartedFile is { } file) await File.WriteAllBytesAsync(file, [], stop);
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                AgentLog.StartedFileNotMade(logger, e.Message);
            }
        }

        async Task FollowBeforeAsync(CancellationToken stop)
        {
            if (!options.TakeOver) return;
            if (before is not null)
            {
                await before.EndedAsync(stop);
                AgentLog.BeforeHasEnded(logger);
            }

            // One that could not hand over, or one before that one, may finish what it has for so long.
            await Task.Delay(options.DrainDeadline, time, stop);
            programs.Replies.RemoveOthers();
        }

        static IAccessLogSink AccessLogOf(AgentOptions options, ILoggerFactory loggers) => options.AccessLogFile is { } file
            ? new AccessLogFile(file, options.AccessLogFileSize, options.AccessLogFiles, loggers.CreateLogger("Culvert.Access"))
            : new AccessLogStream(Console.OpenStandardOutput());

        void LookAtRules()
        {
            tunnelSource.Wake();
            deliveries.Wake();
            directPath.Look();
        }

        void LookAtFilters()
        {
            deliveries.Wake();
            directPath.Look();
        }

        async Task<IReadOnlyList<string>> DetachAsync(CancellationToken stop)
        {
            // As long as a network names the plugin, no pod starts without the agent.
            IReadOnlyList<string> uninstalled = installer?.End() ?? [];
            try
            {
                IReadOnlyList<string> removed = await applier.DetachAsync(
                    () =>
                    {
                        target.Leave();
                        return Detacher.Detach(attacher, xdp, inside, lookup, pins, routes, nat);
                    },
                    stop);
                detached.TrySetResult();
                return [.. uninstalled, .. removed];
            }
            catch
            {
                // The agent goes on, and with it what it guards.
                installer?.Resume();
                throw;
            }
        }
    }
}
