using System.Collections.Concurrent;
using Culvert.Core;
using Culvert.NodeAgent.Hosting;
using Culvert.NodeAgent.Identity;
using Culvert.NodeAgent.Telemetry.Metrics;
using Culvert.NodeAgent.Tests.Proxy;
using Culvert.NodeAgent.Tests.Telemetry;
using Culvert.NodeAgent.WorkloadApi;
using Culvert.Protocol;
using Culvert.Protocol.WorkloadApi;
using Culvert.Tests.Shared;
using Grpc.Core;
using Grpc.Net.Client;
using Microsoft.Extensions.Logging.Abstractions;

namespace Culvert.NodeAgent.Tests.WorkloadApi;

/// <summary>The Workload API as an agent serves it, with two workloads, web and db, whose certificates and pods a test changes.</summary>
internal sealed class ServedWorkloads : IAsyncDisposable
{
    internal static readonly SpiffeId WebId = SpiffeId.ForServiceAccount("cluster.local", "shop", "web");
    internal static readonly SpiffeId DbId = SpiffeId.ForServiceAccount("cluster.local", "shop", "db");

    private readonly string _folder = Directory.CreateTempSubdirectory("culvert-workload-api-").FullName;
    private readonly ConcurrentBag<GrpcChannel> _channels = [];
    private readonly WorkloadApiChanges _changes = new();
    private readonly JwtSvidCache _tokens;
    private readonly WorkloadApiServer _server;
    private TrustBundle _trust;
    private RevokedCredentials _revoked = RevokedCredentials.None;

    private ServedWorkloads(TimeProvider time)
    {
        (Time, Places) = (time, new CallerPlaces(time));
        Issuer = new SigningIssuer(time);
        _trust = new TrustBundle("cluster.local", [Authority.Root]) { JwtKeys = [Issuer.Key] };
        Web = Attestor.Add(Workload("web", WebId), "uid-web");
        Db = Attestor.Add(Workload("db", DbId), "uid-db");
        Attestor.Is(Web);
        Svids.Changed += _ => _changes.Raise();
        Svids.Withdrawn += _ => _changes.Raise();
        Renew(WebId);
        Renew(DbId);
        _tokens = new JwtSvidCache(Issuer, time);
        LineLogger logger = new(Log, Microsoft.Extensions.Logging.LogLevel.Information);
        Connections = new CallerConnections(Attestor, Places, time, logger);
        WorkloadApiService service = new(Attestor, Places, Svids, _tokens, () => Volatile.Read(ref _trust), () => Federated, () => Volatile.Read(ref _revoked), _changes, new WorkloadApiMetrics(Registry, Places), time);
        _server = new WorkloadApiServer(Socket, service, Connections, time, NullLoggerFactory.Instance, logger);
    }

    /// <summary>The roots of other trust domains; to be set before they are asked for.</summary>
    internal EquatableArray<TrustBundle> Federated { get; set; }

    internal TimeProvider Time { get; }

    internal TestAuthority Authority { get; } = new();

    internal ToldAttestor Attestor { get; } = new();

    internal HeldSvids Svids { get; } = new();

    internal SigningIssuer Issuer { get; }

    internal CallerPlaces Places { get; }

    internal CallerConnections Connections { get; }

    internal MetricRegistry Registry { get; } = new();

    internal ConcurrentQueue<string> Log { get; } = [];

    internal AttestedCaller Web { get; }

    internal AttestedCaller Db { get; }

    internal string Socket => Path.Combine(_folder, "workload", "agent.sock");

    internal static async Task<ServedWorkloads> StartAsync(TimeProvider? time = null)
    {
        ServedWorkloads api = Make(time ?? TimeProvider.System);
        await api.StartServerAsync();
        return api;
    }

    /// <summary>It is not started yet.</summary>
    internal static ServedWorkloads Make(TimeProvider time) => new(time);

    internal Task StartServerAsync() => _server.StartAsync(CancellationToken.None);

    internal Task StopServerAsync() => _server.StopAsync(CancellationToken.None);

    /// <summary>What is asked for, with what has changed, is looked at by a stream; after this it has told what there was to tell.</summary>
    internal async Task LookedAtAsync(Action change)
    {
        int before = Attestor.Finds;
        change();
        await SocketExtensions.EventuallyAsync(() => Attestor.Finds > before);
    }

    internal static WorkloadInfo Workload(string name, SpiffeId identity) => new()
    {
        Uid = $"shop/{name}",
        Name = new NamespacedName("shop", name),
        ServiceAccount = name,
        Identity = identity,
        Node = "n1",
    };

    /// <summary>A client with a connection of its own.</summary>
    internal SpiffeWorkloadAPI.SpiffeWorkloadAPIClient Client() => new(Invoker());

    /// <summary>The same without its methods.</summary>
    internal CallInvoker Invoker()
    {
        Assert.True(SpiffeEndpoint.TryParse($"unix://{Socket}", out SpiffeEndpoint? endpoint, out _));
        GrpcChannel channel = endpoint.OpenChannel();
        _channels.Add(channel);
        return channel.CreateCallInvoker();
    }

    internal static Metadata Header(params string[] values)
    {
        Metadata metadata = [];
        foreach (string value in values) metadata.Add("workload.spiffe.io", value);
        return metadata;
    }

    internal Svid Renew(SpiffeId id, DateTimeOffset? notAfter = null)
    {
        DateTimeOffset end = notAfter ?? DateTimeOffset.UtcNow.AddHours(1);
        TestLeaf leaf = Authority.Issue(end, id.ToString());
        Svid svid = new(id, (Svids.Find(id)?.Version ?? 0) + 1, [leaf.Certificate], new PrivateKeyBytes(leaf.Key), end.AddDays(-10), end, end.AddHours(-1));
        Svids.Hold(svid);
        return svid;
    }

    internal void Trust(params ReadOnlyMemory<byte>[] roots) => Trust(new TrustBundle("cluster.local", [.. roots]) { JwtKeys = [Issuer.Key] });

    internal void Trust(TrustBundle bundle)
    {
        Volatile.Write(ref _trust, bundle);
        _changes.Raise();
    }

    internal void Revoke(RevokedCredentials revoked)
    {
        Volatile.Write(ref _revoked, revoked);
        _changes.Raise();
    }

    internal void Remove(AttestedCaller caller)
    {
        Attestor.Remove(caller);
        _changes.Raise();
    }

    internal string Exposition() => Registry.Render(openMetrics: false);

    public async ValueTask DisposeAsync()
    {
        foreach (GrpcChannel channel in _channels) channel.Dispose();
        await _server.StopAsync(CancellationToken.None);
        _server.Dispose();
        Connections.Dispose();
        await _tokens.DisposeAsync();
        Authority.Dispose();
        Issuer.Dispose();
        Directory.Delete(_folder, recursive: true);
    }
}
