using System.Collections.Immutable;
using System.Net;
using Culvert.Controller.Attestation;
using Culvert.Controller.Hosting;
using Culvert.Controller.Identity;
using Culvert.Controller.Nodes;
using Culvert.Controller.Schema;
using Culvert.Controller.Snapshots;
using Culvert.Controller.Store;
using Culvert.Core;
using Culvert.Hosting;

namespace Culvert.Controller;

/// <summary>A running controller: watches objects, compiles snapshots, serves agents. <see cref="ControllerComposition"/> says what it is made of. Safe for any number of threads.</summary>
public sealed class ControllerHost : IAsyncDisposable
{
    /// <summary>File in the state folder with the roots in PEM, for agents that join; kept current.</summary>
    public const string RootsFileName = "roots.pem";

    /// <summary>File in the state folder with the objects in force, for the next start.</summary>
    public const string LastGoodFileName = "objects.json";

    /// <summary>File in the state folder with the workloads that nodes can't capture.</summary>
    public const string RefusedWorkloadsFileName = "refused-workloads.json";

    /// <summary>File in the state folder with the sequence of the bundle that other trust domains are told.</summary>
    internal const string BundleSequenceFileName = "bundle-sequence";

    private readonly OwnedParts _parts;
    private readonly ObjectStore _objects;
    private readonly SnapshotPublisher _publisher;
    private readonly NodeRegistry _registry;
    private readonly Departure _leaving;

    internal ControllerHost(
        OwnedParts parts, ObjectStore objects, SnapshotPublisher publisher, NodeRegistry registry, ICertificateAuthority authority, JoinTokenStore tokens, NodeStore nodes, Departure leaving, IPEndPoint? endPoint)
    {
        (_parts, _objects, _publisher, _registry, _leaving) = (parts, objects, publisher, registry, leaving);
        (Authority, Tokens, CertifiedNodes, EndPoint) = (authority, tokens, nodes, endPoint);
        objects.Changed += _ => ObjectsChanged?.Invoke();
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
    public IPEndPoint? EndPoint { get; }

    /// <summary>Where the API server asks about objects; null when it does not. Tells the port where 0 was asked for.</summary>
    internal IPEndPoint? WebhookEndPoint { get; init; }

    /// <summary>Where other trust domains are told the mesh's bundle; null when they are not. Tells the port where 0 was asked for.</summary>
    internal IPEndPoint? BundleEndPoint { get; init; }

    /// <summary>The folder of join tokens within a state folder; for a command beside a running controller.</summary>
    public static string TokenFolder(string stateFolder) => Path.Combine(stateFolder, "join-tokens");

    /// <summary>The folder of nodes within a state folder; for a command beside a running controller.</summary>
    public static string NodeFolder(string stateFolder) => Path.Combine(stateFolder, "nodes");

    /// <summary>Starts a controller; when this returns, it serves. A start that fails leaves nothing open, and has disposed of the source that was given.</summary>
    /// <exception cref="ArgumentException">The options name no source of objects.</exception>
    /// <exception cref="IOException">A folder is open to others, or the address or socket is taken; the message says which.</exception>
    /// <exception cref="System.Net.Sockets.SocketException">The address is not the machine's.</exception>
    /// <exception cref="InvalidDataException">The authority's files are damaged.</exception>
    public static Task<ControllerHost> StartAsync(ControllerOptions options, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(options);
        return OwnedParts.ComposeAsync(parts => ControllerComposition.StartAsync(options, parts, cancellationToken));
    }

    /// <summary>The snapshot that a node is meant to have.</summary>
    public NodeSnapshot SnapshotFor(string node) => _publisher.Current.SnapshotFor(node);

    /// <summary>
    /// What is in force in place of what an error is about: of the object, or, where none can be told, of anything that came from the file.
    /// </summary>
    public InForceInstead Instead(SourceError error)
    {
        ArgumentNullException.ThrowIfNull(error);
        return _objects.Current.Instead(error);
    }

    /// <summary>Says that it is not ready any more, and returns when <see cref="ControllerOptions.ShutdownDelay"/> has passed, during which it serves as before.</summary>
    public Task LeaveAsync(CancellationToken cancellationToken) => _leaving.BeginAsync(cancellationToken);

    /// <inheritdoc/>
    public ValueTask DisposeAsync() => _parts.DisposeAsync();

    internal static string FederationFolder(string stateFolder) => Path.Combine(stateFolder, "federation");

    internal static string AuthorityFolder(string stateFolder) => Path.Combine(stateFolder, "ca");
}
