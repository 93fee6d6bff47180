using System.Collections.Immutable;
using System.Net;
using System.Security.Cryptography;
using Culvert.Controller.Admission;
using Culvert.Controller.Api;
using Culvert.Controller.Attestation;
using Culvert.Controller.Attestation.Kubernetes;
using Culvert.Controller.Files;
using Culvert.Controller.Identity;
using Culvert.Controller.Identity.BuiltIn;
using Culvert.Controller.Identity.Federation;
using Culvert.Controller.Identity.Revocation;
using Culvert.Controller.Identity.Spire;
using Culvert.Controller.Identity.Spire.Entries;
using Culvert.Controller.Identity.Upstream;
using Culvert.Controller.Identity.Upstream.CertManager;
using Culvert.Controller.Identity.Upstream.Vault;
using Culvert.Controller.Issuers;
using Culvert.Controller.Nodes;
using Culvert.Controller.Progress;
using Culvert.Controller.Sharing;
using Culvert.Controller.Snapshots;
using Culvert.Controller.Sources;
using Culvert.Controller.Sources.Folder;
using Culvert.Controller.Sources.Kubernetes;
using Culvert.Controller.Store;
using Culvert.GrpcHosting;
using Culvert.Hosting;
using Culvert.Kubernetes.Client;
using Culvert.Kubernetes.Metrics;
using Culvert.Kubernetes.Resources;
using k8s.Models;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace Culvert.Controller.Hosting;

/// <summary>
/// What a controller is made of, in the order in which it is made and, at the end, started. All stops in reverse. The only place that knows all parts; each part is
/// owned from the line that makes it, so that a later one that fails leaks none.
/// </summary>
internal static class ControllerComposition
{
    private const int EpochBytes = 8;

    // A few calls each time, to a server that others need, too.
    private static readonly TimeSpan VaultInterval = TimeSpan.FromSeconds(30);

    /// <inheritdoc cref="ControllerHost.StartAsync"/>
    internal static async Task<ControllerHost> StartAsync(ControllerOptions options, OwnedParts parts, CancellationToken cancellationToken)
    {
        OpenFiles.Require();
        ILoggerFactory loggers = options.LoggerFactory ?? NullLoggerFactory.Instance;
        ILogger<ControllerHost> logger = loggers.CreateLogger<ControllerHost>();
        MeshProgress progress = new();
        KubernetesMetrics metrics = parts.Own(new KubernetesMetrics());
        EntryMetrics entryMetrics = parts.Own(new EntryMetrics());
        FederationMetrics federationMetrics = parts.Own(new FederationMetrics());
        AuthorityMetrics authorityMetrics = parts.Own(new AuthorityMetrics());
        PrometheusExporter exported = parts.Own(new PrometheusExporter(metrics, options.Time, entryMetrics.Meter, authorityMetrics.Meter, federationMetrics.Meter));
        LeaderDuties duties = new();
        IObjectSource source = parts.OwnAsyncDisposable(options.Source ?? MakeSource(options, progress, duties, metrics, loggers));

        // The state folder and the addresses are this controller's, before it makes a root in the one for the others.
        PrivateFiles.EnsureFolder(options.StateFolder);
        parts.Own(StateLock.Take(options.StateFolder));
        ReservedAddress? reserved = options.Listen is { } wanted ? parts.Own(ReservedAddress.Bind(wanted)) : null;
        ReservedAddress? asked = options.Admission is { } admission ? parts.Own(ReservedAddress.Bind(admission.Listen)) : null;
        ReservedAddress? offered = options.BundleEndpoint is { } endpoint ? parts.Own(ReservedAddress.Bind(endpoint.Listen)) : null;
        if (options.UnixSocket is { } path) UnixSocketPath.Clear(path);

        // Who may sign, and who may join.
        string nodeFolder = ControllerHost.NodeFolder(options.StateFolder), authorityFolder = ControllerHost.AuthorityFolder(options.StateFolder);
        JoinTokenStore tokens = new(ControllerHost.TokenFolder(options.StateFolder), options.Time);
        NodeStore nodes = new(nodeFolder, options.Time);
        SharedState? shared = options.StateSecret is { } secret ? await ShareAsync(options, secret, nodes, metrics, parts, loggers, cancellationToken) : null;
        SharedStateMark.Set(options.StateFolder, options.StateSecret);
        BuiltInCertificateAuthority? builtIn = null;
        ICertificateAuthority? outside = options.Authority ?? await OpenOutsideAsync(options, metrics, authorityMetrics, parts, loggers, cancellationToken);
        if (outside is null)
        {
            CertificateAuthorityOptions authorityOptions = new() { RootActivationDelay = options.RootActivationDelay, RetiredRootGrace = options.NodeRenewalGrace };
            IRootStore store = shared is null ? new FolderRootStore(authorityFolder) : new SecretRootStore(shared.Secret, authorityFolder, logger);
            builtIn = parts.OwnAsyncDisposable(await BuiltInCertificateAuthority.OpenAsync(authorityOptions, store, options.Time, Random.Shared, loggers.CreateLogger<BuiltInCertificateAuthority>(), cancellationToken));
        }
        else if (Directory.Exists(authorityFolder) && Directory.EnumerateFiles(authorityFolder, "*" + RootFiles.KeySuffix).Any())
        {
            HostingLog.BuiltInRootsUnused(logger, authorityFolder);
        }
        ICertificateAuthority authority = outside ?? builtIn!;
        RootsFile roots = new(Path.Combine(options.StateFolder, ControllerHost.RootsFileName), authority, logger);

        // From objects to snapshots.
        NodeRegistry registry = new();
        FederatedBundles federated = new();
        LastGoodStore kept = new(Path.Combine(options.StateFolder, ControllerHost.LastGoodFileName), loggers.CreateLogger<ObjectStore>());
        ILastGoodStore lastGood = shared is null ? kept : shared.MeshConfig;
        ObjectStore objects = new(source.Name, source.Status, loggers.CreateLogger<ObjectStore>(), shared?.Previous ?? kept.Load(), lastGood, hasTenants: options.Kubernetes is not null)
        {
            FederatedTrustDomains = () => federated.TrustDomains,

            // Beside others a controller knows of some nodes only.
            KnownNodes = () => shared is null ? [.. nodes.Names(), .. registry.Nodes.Select(n => n.Node)] : [],
        };
        RefusedWorkloads refused = new(Path.Combine(options.StateFolder, ControllerHost.RefusedWorkloadsFileName), options.Time, logger);
        IssuerKeys keys = new();
        RevocationLists revoked = parts.Own(new RevocationLists(options.RevocationLists, authority, options.Time, loggers.CreateLogger<RevocationLists>()));
        SnapshotPublisher publisher = new(objects, source.Status, authority, refused, keys, revoked, federated, loggers.CreateLogger<SnapshotPublisher>());
        FederationKeeper federation = parts.Own(new FederationKeeper(
            options.Federation, shared?.Bundles ?? (IBundleStore)new BundleStore(ControllerHost.FederationFolder(options.StateFolder)), federated, () => publisher.Current is { IsPublished: true } known ? known.TrustBundle : null, federationMetrics, options.Time, loggers.CreateLogger<FederationKeeper>()));
        IssuerKeyReader keyReader = parts.Own(new IssuerKeyReader(publisher, keys, options.IssuerKeys, options.Time, loggers.CreateLogger<IssuerKeyReader>()));

        // Before who leads is decided, which is when objects are read.
        List<IHostedService> alone = [];
        if (options.SpireEntries is { } entries) KeepEntries(options, entries, authority, new PublishedWorld(publisher, objects), entryMetrics, duties, alone, parts, loggers);

        // Where objects are in force.
        publisher.Changed += () => progress.Publish(publisher.Current.Version, publisher.Current.EnrolledNodes);
        registry.CaughtUp += progress.Has;
        registry.Changed += progress.Take;

        // What commands ask for by files in the state folder.
        StateUpkeep upkeep = new(nodes, objects, roots, nodeFolder, logger);
        RootWishes wishes = new(new RootRotation(authorityFolder), new RootRemoval(authorityFolder), builtIn, logger);

        // Agents.
        ServerIdentity identity = parts.Own(new ServerIdentity(publisher, authority, options.DnsNames, options.Time, logger));
        NodeAuthenticator authenticator = new(publisher, authority, nodes, options.NodeRenewalGrace, options.Time);
        string epoch = RandomNumberGenerator.GetHexString(2 * EpochBytes, lowercase: true);
        PodRefusals? pods = options.Kubernetes is null ? null : TakePods(options, objects, registry, refused, metrics, parts, loggers);
        SnapshotServiceHandler snapshots = new(publisher, registry, new NodeStreams(options.Time), (IRefusalSink?)pods ?? refused, authenticator, parts.Own(new LongResponses(options.Time)), epoch, options.LongestStream, options.Time, loggers.CreateLogger<SnapshotServiceHandler>());
        CertificateServiceHandler certificates = new(
            publisher, authority, authenticator, options.Attestor ?? MakeAttestor(options, tokens, metrics, parts, loggers), nodes, authorityMetrics, options.Time, loggers.CreateLogger<CertificateServiceHandler>());

        // What runs. The services start in this order: what can be read at once is in force before the first snapshot is published, and that is before agents ask for it.
        StartOnly reading = new(_ =>
        {
            source.Start(objects);
            return Task.CompletedTask;
        });
        StateWatch watching = parts.Own(new StateWatch(options.StateFolder, upkeep.RunAsync, options.Time, logger));
        StateWatch wishing = parts.Own(new StateWatch(options.StateFolder, wishes.RunAsync, options.Time, logger));
        WebServer server = AgentServer.Serve(options, reserved, identity, authenticator, snapshots, certificates, loggers);
        Departure leaving = new(options.ShutdownDelay, options.Time, logger);
        WebServer? webhook = asked is null ? null : AdmissionServer.Serve(options.Admission!, asked, identity, () => publisher.Current.IsPublished && !leaving.HasBegun, exported.Render, options.Time, loggers);
        WebServer? bundles = offered is null ? null : await TellBundleAsync(options, offered, identity, authority, shared?.Sequence, alone, parts, loggers, cancellationToken);
        List<IHostedService> services = [.. shared?.Services ?? [], roots, revoked, federation, .. pods is null ? (IHostedService[])[] : [pods], reading, publisher, .. alone, keyReader, watching, wishing];

        // It says farewell when its nodes have gone.
        if (options.ProgressConfigMap is { } told)
            services.Add(parts.Own(new SharedProgress(MakeClient(options, metrics, parts, loggers), told, options.Kubernetes!.Identity, progress, metrics, options.Time, logger)));

        // Before the port by which a cluster knows that this pod is ready.
        if (webhook is not null) services.Add(webhook);
        services.Add(server);
        if (bundles is not null) services.Add(bundles);
        if (options.RootsConfigMap is { } map)
            services.Add(parts.Own(new RootsConfigMap(MakeClient(options, metrics, parts, loggers), map, authority, metrics, options.Time, logger)));
        if (options.Admission?.Configuration is { } configuration)
            services.Add(parts.Own(new WebhookBundle(MakeClient(options, metrics, parts, loggers), configuration, authority, metrics, options.Time, logger)));
        IHost host = ServiceHost.Build(loggers, parts, [.. services]);
        await host.StartAsync(cancellationToken);
        IPEndPoint? bundleEndPoint = bundles is null ? null : new(options.BundleEndpoint!.Listen.Address, AgentServer.PortOf(bundles));
        IPEndPoint? endPoint = options.Listen is { } listen ? new(listen.Address, AgentServer.PortOf(server)) : null;
        return new ControllerHost(parts, objects, publisher, registry, authority, tokens, nodes, leaving, endPoint)
        {
            WebhookEndPoint = webhook is null ? null : new(options.Admission!.Listen.Address, AgentServer.PortOf(webhook)),
            BundleEndPoint = bundleEndPoint,
        };
    }

    /// <summary>The authority outside that signs, or certifies what signs, and answers; null: there is none.</summary>
    private static async Task<ICertificateAuthority?> OpenOutsideAsync(
        ControllerOptions options, KubernetesMetrics metrics, AuthorityMetrics measured, OwnedParts parts, ILoggerFactory loggers, CancellationToken cancellationToken)
    {
        if (options.Spire is { IsDownstream: false } spire)
            return parts.OwnAsyncDisposable(await SpireMintAuthority.OpenAsync(spire, options.Time, Random.Shared, loggers.CreateLogger<SpireMintAuthority>(), cancellationToken, measured));
        ILogger logger = loggers.CreateLogger<SubordinateAuthority>();
        IUpstreamAuthority? upstream = options switch
        {
            { Spire: { } server } => new SpireDownstream(server, options.Time, logger),
            { Upstream: { } files } => new DiskAuthority(files, options.Time),
            { Vault: { } vault } => new VaultAuthority(vault, options.Time),
            { CertManager: { } issuer } => new CertManagerAuthority(issuer, MakeClient(options, metrics, parts, loggers), options.Time, logger),
            _ => null,
        };
        if (upstream is null) return null;
        UpstreamOptions kept = new() { RootActivationDelay = options.RootActivationDelay, Interval = options.Vault is null ? UpstreamOptions.DefaultInterval : VaultInterval };
        return parts.OwnAsyncDisposable(await SubordinateAuthority.OpenAsync(upstream, kept, options.Time, Random.Shared, logger, cancellationToken, measured));
    }

    /// <summary>The server that tells other trust domains the mesh's bundle.</summary>
    private static async Task<WebServer> TellBundleAsync(
        ControllerOptions options, ReservedAddress reserved, ServerIdentity identity, ICertificateAuthority authority, IBundleSequence? shared, List<IHostedService> before, OwnedParts parts, ILoggerFactory loggers, CancellationToken cancellationToken)
    {
        BundleEndpointOptions endpoint = options.BundleEndpoint!;
        ILogger<BundlePublication> logger = loggers.CreateLogger<BundlePublication>();
        IBundleSequence sequence = shared ?? new FileSequence(Path.Combine(options.StateFolder, ControllerHost.BundleSequenceFileName), options.Time, logger);
        BundlePublication publication = new(authority, sequence, BundlePublication.HintFor(options.RootActivationDelay), logger);
        before.Add(publication);
        if (endpoint.CertificatePath is not { } certificate) return BundleServer.Serve(endpoint, reserved, identity.GetAsync, publication, options.Time, loggers);
        WebCertificate web = parts.Own(await WebCertificate.OpenAsync(certificate, endpoint.KeyPath ?? throw new ArgumentException("A certificate is given for the bundle endpoint, and no key.", nameof(options)), options.Time, logger, cancellationToken));
        return BundleServer.Serve(endpoint, reserved, web.GetAsync, publication, options.Time, loggers);
    }

    private static async Task<SharedState> ShareAsync(ControllerOptions options, ResourceName name, NodeStore nodes, KubernetesMetrics metrics, OwnedParts parts, ILoggerFactory loggers, CancellationToken cancellationToken)
    {
        if (options.ServiceAccountTokens is null) throw new ArgumentException("State is shared with other controllers, and join tokens, which are not, are the only way to join.", nameof(options));
        string folder = ControllerHost.AuthorityFolder(options.StateFolder);
        if (Directory.Exists(folder) && Directory.EnumerateFiles(folder, "*" + RootFiles.KeySuffix).Any())
            throw new IOException($"'{folder}' has roots of its own, and --state-secret means those of a Secret: move the folder away to have these, which agents that know the others don't trust");
        ILogger<ControllerHost> logger = loggers.CreateLogger<ControllerHost>();
        StateSecret secret = parts.Own(new StateSecret(MakeClient(options, metrics, parts, loggers), name, metrics, options.Time, logger));
        SharedRevocations revocations = new(nodes, logger);
        SharedMeshConfig mesh = new(secret.Name, logger);
        V1Secret read = await secret.WaitAsync(cancellationToken);
        revocations.Take(read);
        SharedBundles bundles = new(options.Time, logger);
        bundles.Take(read);
        SharedSequence sequence = new(options.Time, logger);
        sequence.Take(read);
        StateExchange exchange = parts.Own(new StateExchange(secret, [revocations, mesh, bundles, sequence], metrics, options.Time, logger));
        return new(secret, mesh, bundles, sequence, mesh.Load(read), [secret, exchange]);
    }

    private static PodRefusals TakePods(ControllerOptions options, ObjectStore objects, NodeRegistry registry, RefusedWorkloads others, KubernetesMetrics metrics, OwnedParts parts, ILoggerFactory loggers)
    {
        ILogger<KubernetesSource> logger = loggers.CreateLogger<KubernetesSource>();
        KubernetesOptions cluster = options.Kubernetes!;
        KubernetesClientOptions limits = new() { RequestsPerSecond = cluster.StatusesPerSecond, Burst = cluster.StatusBurst };
        KubernetesClient client = MakeClient(options, metrics, parts, loggers, limits);
        return parts.Own(new PodRefusals(client, objects, registry, others, new CaptureEvents(client, cluster.Identity, options.Time, logger), metrics, options.Time, logger));
    }

    private static INodeAttestor MakeAttestor(ControllerOptions options, JoinTokenStore tokens, KubernetesMetrics metrics, OwnedParts parts, ILoggerFactory loggers)
    {
        JoinTokenAttestor joinTokens = new(tokens);
        if (options.ServiceAccountTokens is not { } serviceAccounts) return joinTokens;
        return new TokenAttestor(joinTokens, new KubernetesAttestor(MakeClient(options, metrics, parts, loggers), serviceAccounts, options.Time));
    }

    private static KubernetesClient MakeClient(ControllerOptions options, KubernetesMetrics metrics, OwnedParts parts, ILoggerFactory loggers, KubernetesClientOptions? limits = null)
    {
        KubernetesOptions cluster = options.Kubernetes ?? throw new ArgumentException("Something is asked of a cluster, and none is named.", nameof(options));
        return parts.Own(new KubernetesClient(cluster.Configuration, limits ?? new(), metrics, options.Time, loggers.CreateLogger<KubernetesClient>()));
    }

    /// <param name="options">The controller's options.</param>
    /// <param name="entries">Which entries.</param>
    /// <param name="authority">The server's.</param>
    /// <param name="world">What they are made of.</param>
    /// <param name="metrics">Where it is counted.</param>
    /// <param name="duties">Gets it where controllers are elected.</param>
    /// <param name="alone">Gets it, as a service, where there are no others.</param>
    /// <param name="parts">Owns it.</param>
    /// <param name="loggers">Where log messages go.</param>
    private static void KeepEntries(
        ControllerOptions options, SpireEntryOptions entries, ICertificateAuthority authority, IEntrySource world, EntryMetrics metrics, LeaderDuties duties, List<IHostedService> alone, OwnedParts parts, ILoggerFactory loggers)
    {
        SpireOptions spire = options.Spire ?? throw new ArgumentException("Entries are to be kept at a SPIRE server, and none is named.", nameof(options));
        if (authority.TrustDomain is { } own && own != entries.TrustDomain) throw new ArgumentException($"--spire-entry-parent is of the trust domain {entries.TrustDomain}, and the SPIRE server is of {own}");
        ILogger<EntryKeeper> logger = loggers.CreateLogger<EntryKeeper>();

        // A connection of its own: lists of entries do not wait behind certificates, nor these behind them.
        SpireServer server = parts.OwnAsyncDisposable(new SpireServer(spire, options.Time, logger));
        EntryKeeper keeper = parts.OwnAsyncDisposable(new EntryKeeper(server, world, entries, metrics, options.Time, logger));
        if (options.Kubernetes is not null && options.Source is null)
        {
            duties.Add(keeper.RunAsync);
            return;
        }
        alone.Add(new StartOnly(starting =>
        {
            _ = keeper.RunAsync(CancellationToken.None);
            return Task.CompletedTask;
        }));
    }

    private static IObjectSource MakeSource(ControllerOptions options, MeshProgress progress, LeaderDuties duties, KubernetesMetrics metrics, ILoggerFactory loggers)
    {
        if (options.Kubernetes is { } cluster) return KubernetesSources.Create(cluster, progress, duties, metrics, options.Time, loggers);
        string folder = options.ObjectFolder ?? throw new ArgumentException("Neither a folder nor another source of objects is given.", nameof(options));
        return new FolderSource(folder, options.Time, loggers.CreateLogger<FolderSource>());
    }

    /// <param name="Secret">Where it is kept.</param>
    /// <param name="MeshConfig">Keeps the MeshConfig there.</param>
    /// <param name="Bundles">Keeps the bundles of other trust domains there.</param>
    /// <param name="Sequence">Counts the changes of the mesh's roots there, for others.</param>
    /// <param name="Previous">What was in force when a controller ran last.</param>
    /// <param name="Services">What keeps it current, in the order of their start.</param>
    private sealed record SharedState(StateSecret Secret, SharedMeshConfig MeshConfig, SharedBundles Bundles, SharedSequence Sequence, ObjectSet Previous, ImmutableArray<IHostedService> Services);
}
