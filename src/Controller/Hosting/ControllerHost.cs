using System.Collections.Immutable;
using System.Net;
using System.Security.Cryptography;
using Culvert.Controller.Api;
using Culvert.Controller.Attestation;
using Culvert.Controller.Hosting;
using Culvert.Controller.Identity;
using Culvert.Controller.Identity.BuiltIn;
using Culvert.Controller.Nodes;
using Culvert.Controller.Snapshots;
using Culvert.Controller.Sources;
using Culvert.Controller.Sources.Folder;
using Culvert.Controller.Store;
using Culvert.Core;
using Culvert.Grpc;
using Culvert.Protocol.V1;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace Culvert.Controller;

/// <summary>A running controller: watches objects, compiles snapshots, serves agents. Safe for any number of threads.</summary>
public sealed class ControllerHost : IAsyncDisposable
{
    /// <summary>File in the state folder with the roots in PEM, for agents that join; kept current.</summary>
    public const string RootsFileName = "roots.pem";

    /// <summary>File in the state folder with the objects in force, for the next start.</summary>
    public const string LastGoodFileName = "objects.json";

    private const int EpochBytes = 8;
    private readonly ControllerOptions _options;
    private readonly ILoggerFactory _loggers;
    private readonly IObjectSource _source;
    private readonly ObjectStore _objects;
    private readonly SnapshotPublisher _publisher;
    private readonly NodeRegistry _registry = new();
    private readonly ServerIdentity _identity;
    private readonly BuiltInCertificateAuthority? _builtIn;
    private readonly NodeAuthenticator _authenticator;
    private readonly RootRotation _rotation;
    private readonly StateWatch _watch;
    private WebApplication? _server;
    private volatile bool _rootsUnwritten;
    private volatile bool _roomMissing;

    private ControllerHost(ControllerOptions options)
    {
        _options = options;
        _loggers = options.LoggerFactory ?? NullLoggerFactory.Instance;
        PrivateFiles.EnsureFolder(options.StateFolder);
        Tokens = new JoinTokenStore(TokenFolder(options.StateFolder), options.Time);
        CertifiedNodes = new NodeStore(NodeFolder(options.StateFolder), options.Time);
        _builtIn = options.Authority is null
            ? new(new() { Folder = AuthorityFolder(options.StateFolder), RootActivationDelay = options.RootActivationDelay, RetiredRootGrace = options.NodeRenewalGrace }, options.Time, Random.Shared, _loggers.CreateLogger<BuiltInCertificateAuthority>())
            : null;
        Authority = options.Authority ?? _builtIn!;
        WriteRoots();
        Authority.RootsChanged += WriteRoots;
        _source = options.Source ?? new FolderSource(
            options.ObjectFolder ?? throw new ArgumentException("Neither a folder nor another source of objects is given.", nameof(options)), options.Time, _loggers.CreateLogger<FolderSource>());
        LastGoodStore lastGood = new(Path.Combine(options.StateFolder, LastGoodFileName), _loggers.CreateLogger<ObjectStore>());
        _objects = new ObjectStore(_source.Name, _source.Status, _loggers.CreateLogger<ObjectStore>(), lastGood.Load(), lastGood)
        {
            KnownNodes = () => [.. CertifiedNodes.Names(), .. _registry.Nodes.Select(n => n.Node)],
        };
        _objects.Changed += _ => ObjectsChanged?.Invoke();
        _source.Start(_objects);
        _publisher = new SnapshotPublisher(_objects, _source.Status, Authority, _loggers.CreateLogger<SnapshotPublisher>());
        _identity = new ServerIdentity(_publisher, Authority, options.DnsNames, options.Time, _loggers.CreateLogger<ControllerHost>());
        _authenticator = new NodeAuthenticator(_publisher, Authority, CertifiedNodes, options.NodeRenewalGrace, options.Time);
        _rotation = new RootRotation(AuthorityFolder(options.StateFolder));
        _watch = new StateWatch(options.StateFolder, TakeWishes, options.Time, _loggers.CreateLogger<ControllerHost>());
        TakeWishes();
    }

    /// <summary>Raised after the status of a node has changed, on any thread.</summary>
    public event Action<NodeStatus>? NodeChanged
    {
        add => _registry.Changed += value;
        remove => _registry.Changed -= value;
    }

    /// <summary>Raised after the objects in force, their errors or warnings have changed, on any thread.</summary>
    public event Action? ObjectsChanged;

    /// <summary>Raised after <see cref="Version"/> has grown, on any thread.</summary>
    public event Action? VersionChanged
    {
        add => _publisher.Changed += value;
        remove => _publisher.Changed -= value;
    }

    /// <summary>The authority that signs.</summary>
    public ICertificateAuthority Authority { get; }

    /// <summary>Join tokens.</summary>
    public JoinTokenStore Tokens { get; }

    /// <summary>Which nodes have certificates, and whose are revoked.</summary>
    public NodeStore CertifiedNodes { get; }

    /// <summary>All that is wrong with the objects, in order of file and line.</summary>
    public ImmutableArray<SourceError> Errors => _objects.Current.Errors;

    /// <summary>What is in force and, likely, does not what it was meant to do, in order of file and line.</summary>
    public ImmutableArray<SourceError> Warnings => _objects.Current.Warnings;

    /// <summary>The version of the world; grows with each change.</summary>
    public ulong Version => _publisher.Current.Version;

    /// <summary>Every node whose agent has been seen, by name.</summary>
    public IReadOnlyCollection<NodeStatus> Nodes => _registry.Nodes;

    /// <summary>Where agents are served with TLS; null when they are not. Tells the port where 0 was asked for.</summary>
    public IPEndPoint? EndPoint { get; private set; }

    /// <summary>The folder of join tokens within a state folder; for a command beside a running controller.</summary>
    public static string TokenFolder(string stateFolder) => Path.Combine(stateFolder, "join-tokens");

    /// <summary>The folder of nodes within a state folder; for a command beside a running controller.</summary>
    public static string NodeFolder(string stateFolder) => Path.Combine(stateFolder, "nodes");

    /// <summary>Starts a controller; when this returns, it serves.</summary>
    /// <exception cref="ArgumentException">The options name no source of objects.</exception>
    /// <exception cref="IOException">A folder is open to others, or the address or socket is taken; the message says which.</exception>
    /// <exception cref="System.Net.Sockets.SocketException">The address is not the machine's.</exception>
    /// <exception cref="InvalidDataException">The authority's files are damaged.</exception>
    public static async Task<ControllerHost> StartAsync(ControllerOptions options, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(options);
        var host = new ControllerHost(options);
        try
        {
            await host.ServeAsync(cancellationToken);
            return host;
        }
        catch
        {
            await host.DisposeAsync();
            throw;
        }
    }

    /// <summary>The snapshot that a node is meant to have.</summary>
    public NodeSnapshot SnapshotFor(string node) => _publisher.Current.SnapshotFor(node);

    /// <summary>
    /// Whether the last good version of what an error is about is in force: of the object, or, where none can be told, of anything that came from the file.
    /// </summary>
    public bool HasLastGood(SourceError error)
    {
        ArgumentNullException.ThrowIfNull(error);
        return _objects.Current.HasLastGood(error);
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        if (_server is not null) await _server.DisposeAsync();
        _watch.Dispose();
        _identity.Dispose();
        _publisher.Dispose();
        await _source.DisposeAsync();
        Authority.RootsChanged -= WriteRoots;
        _builtIn?.Dispose();
    }

    private async Task ServeAsync(CancellationToken cancellationToken)
    {
        WebApplicationBuilder builder = WebApplication.CreateEmptyBuilder(new());
        builder.Services.AddSingleton<IHostLifetime, PassiveLifetime>();
        builder.Services.AddSingleton(_loggers);
        builder.Services.AddRoutingCore();
        builder.Services.Configure<HostOptions>(o => o.ShutdownTimeout = TimeSpan.FromSeconds(1));
        builder.WebHost.UseKestrelCore().UseKestrelHttpsConfiguration().ConfigureKestrel(Configure);
        if (_options.UnixSocket is not null) builder.WebHost.UseGrpcUnixSocket(_options.UnixSocket);
        _server = builder.Build();
        string epoch = RandomNumberGenerator.GetHexString(2 * EpochBytes, lowercase: true);
        _server.MapGrpcService(SnapshotService.BindService(
            new SnapshotServiceHandler(_publisher, _registry, _authenticator, epoch, _options.Time, _loggers.CreateLogger<SnapshotServiceHandler>())));
        _server.MapGrpcService(CertificateService.BindService(
            new CertificateServiceHandler(_publisher, Authority, _authenticator, _options.Attestor ?? new JoinTokenAttestor(Tokens), CertifiedNodes, _options.Time, _loggers.CreateLogger<CertificateServiceHandler>())));
        await _server.StartAsync(cancellationToken);
        if (_options.Listen is { } listen) EndPoint = new(listen.Address, BoundPort());
    }

    private void Configure(KestrelServerOptions kestrel)
    {
        kestrel.UseGrpcDefaults();
        // Agents do the handshake below their HTTP client, which therefore takes the connection for plain.
        kestrel.AllowAlternateSchemes = true;
        if (_options.Listen is not { } listen) return;
        kestrel.Listen(listen, endpoint =>
        {
            endpoint.Protocols = HttpProtocols.Http2;
            AgentConnections connections = new(_options.Time, _loggers.CreateLogger<ControllerHost>());
            endpoint.Use(next => connection => connections.BeforeHandshakeAsync(connection, next));
            endpoint.UseHttps(ControllerTls.Options(_identity, _authenticator));
            endpoint.Use(next => connection => connections.AfterHandshakeAsync(connection, next));
        });
    }

    private int BoundPort() => _server!.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses
        .Where(a => a.StartsWith("https://", StringComparison.Ordinal) && !a.Contains("unix:", StringComparison.Ordinal)).Select(a => new Uri(a).Port).First();

    /// <summary>What a command beside this process has asked for by files.</summary>
    private void TakeWishes()
    {
        CertifiedNodes.NotifyChanged();
        _objects.Upkeep();
        KeepRoom();
        if (_rootsUnwritten) WriteRoots();
        if (_builtIn is not null) _rotation.DoIfAsked(_builtIn, _loggers.CreateLogger<ControllerHost>());
    }

    private void KeepRoom()
    {
        try
        {
            CertifiedNodes.KeepRoom();
            _roomMissing = false;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            if (!_roomMissing) HostingLog.NoRoomKept(_loggers.CreateLogger<ControllerHost>(), NodeFolder(_options.StateFolder), e.Message);
            _roomMissing = true;
        }
    }

    /// <summary>For people who bring the roots to new nodes; the mesh does not depend on the file.</summary>
    private void WriteRoots()
    {
        string path = Path.Combine(_options.StateFolder, RootsFileName);
        try
        {
            PrivateFiles.Write(path, string.Concat(Authority.Roots.Select(r => PemEncoding.WriteString("CERTIFICATE", r.Span) + "\n")));
            _rootsUnwritten = false;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            if (!_rootsUnwritten) HostingLog.RootsNotWritten(_loggers.CreateLogger<ControllerHost>(), path, e.Message);
            _rootsUnwritten = true;
        }
    }

    internal static string AuthorityFolder(string stateFolder) => Path.Combine(stateFolder, "ca");
}
