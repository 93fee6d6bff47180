using System.Collections.Concurrent;
using Culvert.Core;
using Culvert.Http2;
using Culvert.Interop.Sockets;
using Culvert.Interop.Tls;
using Culvert.NodeAgent.Proxy;
using Culvert.NodeAgent.Proxy.Captured;
using Culvert.NodeAgent.Proxy.Model;
using Culvert.NodeAgent.Proxy.Udp;

namespace Culvert.NodeAgent.Tests.Proxy;

/// <summary>The agent around one proxy, made of settable answers.</summary>
internal sealed class FakeMesh : IProxyDirectory, IProxyAuthorizer, ICertificateSource, IProxyObserver, IRequestObserver, ITranslatedConnections, ITunnelSource
{
    private int _routesAsked;
    private int _busyTurns;

    internal WorkloadInfo? Local { get; set; }

    /// <summary>Another workload of the same node, found by its addresses.</summary>
    internal WorkloadInfo? Neighbour { get; set; }

    internal Func<SocketEndPoint, OutboundRoute> Route { get; set; } = _ => OutboundRoute.Deny(ProxyFailure.NoRoute, "no route in this test");

    internal ServiceInfo? Service { get; set; }

    /// <summary>What Services declare for every address.</summary>
    internal string? ApplicationProtocol { get; set; }

    /// <summary>Whether tunnels are opened from the clients' addresses.</summary>
    public bool IsPod { get; set; }

    public bool IsTrustLost { get; set; }

    /// <summary>Roots of other trust domains.</summary>
    internal TlsForeignRoots Foreign { get; set; } = new();

    public bool TrustsForeign(string trustDomain, TlsAnchor anchor) => Foreign.Trusts(SpiffeId.SchemePrefix + trustDomain, anchor);

    public RevokedCredentials Revoked { get; set; } = RevokedCredentials.None;

    internal bool ClientAddressIsTrusted { get; set; } = true;

    internal volatile bool Allowed = true;

    internal ConcurrentDictionary<SpiffeId, TlsIdentity> Identities { get; } = [];

    internal ConcurrentQueue<ProxyConnectionInfo> Opened { get; } = [];

    internal ConcurrentQueue<(ProxyConnectionInfo Info, ProxyConnectionEnd End)> Closed { get; } = [];

    internal ConcurrentQueue<(ProxyConnectionInfo Info, ProxyFailure Failure)> Failed { get; } = [];

    /// <summary>Turns of a loop in which there was work: a tenth of a millisecond or more. How many take as long as a turn may says less: beside other programs, which count in the time, portions become small.</summary>
    internal int BusyTurns => Volatile.Read(ref _busyTurns);

    internal ConcurrentQueue<(TunnelHandshake Handshake, bool Log)> Handshakes { get; } = [];

    internal ConcurrentQueue<Exception> Faults { get; } = [];

    internal bool Record { get; set; } = true;

    /// <summary>Which workloads are captured inside their namespaces.</summary>
    internal IPodSpaces Spaces { get; set; } = NoPodSpaces.Instance;

    /// <summary>Which backends the kernel has drawn for datagrams.</summary>
    internal IDatagramDraws Draws { get; set; } = NoDatagramDraws.Instance;

    internal ProxyAgent Agent => new(this, this, this, this, NoReplyTable.Instance, this, Draws, this, Spaces);

    public WorkloadInfo? FindLocalWorkload(in SocketEndPoint address) =>
        Neighbour is { } neighbour && neighbour.Addresses.Contains(address.ToIPAddress()) ? neighbour : Local;

    public OutboundRoute Resolve(WorkloadInfo? source, in SocketEndPoint sourceAddress, in SocketEndPoint destination, TransportProtocol protocol, SocketEndPoint? drawn = null)
    {
        Drawn.Enqueue(drawn);
        return Route(destination);
    }

    /// <summary>The routes for every Service.</summary>
    internal HttpRouteTable? Routes { get; set; }

    /// <summary>How often it was asked for them.</summary>
    internal int RoutesAsked => Volatile.Read(ref _routesAsked);

    /// <summary>Where requests go that are routed to a Service port.</summary>
    internal Func<NamespacedName, ushort, OutboundRoute> Backend { get; set; } = (_, _) => OutboundRoute.Deny(ProxyFailure.NoServicePort, "no backend in this test");

    /// <summary>The same where it depends on the request; null: it does not, as where it gives null.</summary>
    internal Func<NamespacedName, RequestTraits, OutboundRoute?>? BackendFor { get; set; }

    public HttpRouteTable? FindRoutes(WorkloadInfo? source, in SocketEndPoint destination)
    {
        Interlocked.Increment(ref _routesAsked);
        return Routes;
    }

    public OutboundRoute ResolveBackend(WorkloadInfo? source, in SocketEndPoint client, NamespacedName service, ushort port, in RequestTraits traits) => BackendFor?.Invoke(service, traits) ?? Backend(service, port);

    /// <summary>Where backends are that are asked whether they are well.</summary>
    internal Func<BackendRequests, OutboundRoute> Checked { get; set; } = _ => OutboundRoute.Deny(ProxyFailure.NoBackend, "no backend in this test");

    public OutboundRoute ResolveCheck(WorkloadInfo source, BackendRequests asked) => Checked(asked);

    /// <summary>What has come of asking backends whether they are well.</summary>
    internal ConcurrentQueue<HealthCheckResult> HealthChecks { get; } = [];

    public void OnHealthChecked(NamespacedName service, HealthCheckResult result) => HealthChecks.Enqueue(result);

    /// <summary>Backends that have become unhealthy, and why; null: healthy again.</summary>
    internal ConcurrentQueue<(BackendRequests Backend, string? Reason)> HealthChanges { get; } = [];

    public void OnUnhealthy(BackendRequests backend, string reason, bool isLeftOut) => HealthChanges.Enqueue((backend, reason));

    public void OnHealthyAgain(BackendRequests backend) => HealthChanges.Enqueue((backend, null));

    /// <summary>The backends that routes were asked for with.</summary>
    internal ConcurrentQueue<SocketEndPoint?> Drawn { get; } = [];

    /// <summary>What connections were opened to that reach the proxy with another address; null: there are none.</summary>
    internal Func<SocketEndPoint, SocketEndPoint?> ServiceOf { get; set; } = _ => null;

    public bool TryFind(in SocketEndPoint pod, in SocketEndPoint backend, out SocketEndPoint service)
    {
        SocketEndPoint? found = ServiceOf(backend);
        service = found.GetValueOrDefault();
        return found is not null;
    }

    public ServiceInfo? FindService(in SocketEndPoint address, in SocketEndPoint target, TransportProtocol protocol) => Service?.Vips.Contains(address.ToIPAddress()) == true ? Service : null;

    public string? FindApplicationProtocol(in SocketEndPoint target, TransportProtocol protocol) => ApplicationProtocol;

    /// <summary>Which responses are kept of every port.</summary>
    internal ResponseCaching? Caching { get; set; }

    public ResponseCaching? FindResponseCaching(in SocketEndPoint target) => Caching;

    /// <summary>What kept responses had to do with requests.</summary>
    internal ConcurrentQueue<CacheResult> Cached { get; } = [];

    public (WorkloadInfo? Workload, ServiceInfo? Service) WhoIs(in SocketEndPoint destination, TransportProtocol protocol) => (Route(destination).Destination, FindService(destination, destination, protocol));

    public bool IsCurrent(WorkloadInfo? source, in OutboundRoute route, in SocketEndPoint destination, TransportProtocol protocol) => Route(destination) == route;

    public bool IsElsewhere(in SocketEndPoint address, SpiffeId identity) => ClientAddressIsTrusted;

    /// <summary>What is left to be decided about requests.</summary>
    internal RequestRules? Rules { get; set; }

    /// <summary>Requests that policy has refused or audited.</summary>
    internal ConcurrentQueue<(Decision Decision, string Request)> Decided { get; } = [];

    public void OnRequestDecided(in ProxyConnectionInfo connection, string request) => Decided.Enqueue((connection.Decision, request));

    /// <summary>Tokens of requests that were looked at.</summary>
    internal ConcurrentQueue<(string? Issuer, JwtError Error)> Tokens { get; } = [];

    public void OnToken(string? issuer, JwtError error) => Tokens.Enqueue((issuer, error));

    /// <summary>The limits of requests that were too many.</summary>
    internal ConcurrentQueue<NamespacedName> Limited { get; } = [];

    /// <summary>What has become of questions to external authorizers.</summary>
    internal ConcurrentQueue<(string Authorizer, AuthorizerResult Result)> AuthorizersAsked { get; } = [];

    public void OnAuthorizerAsked(string authorizer, AuthorizerResult result) => AuthorizersAsked.Enqueue((authorizer, result));

    /// <summary>What has become of questions to rate limit services.</summary>
    internal ConcurrentQueue<(AuthorizerResult Result, string? Failure)> LimitServicesAsked { get; } = [];

    public void OnLimitServiceAsked(NamespacedName service, AuthorizerResult result, string? failure) => LimitServicesAsked.Enqueue((result, failure));

    /// <summary>What has become of copies of requests.</summary>
    internal ConcurrentQueue<(string Mirror, MirrorResult Result)> Mirrored { get; } = [];

    public void OnMirrored(NamespacedName mirror, MirrorResult result) => Mirrored.Enqueue((mirror.Name, result));

    /// <summary>The limits of requests that wait.</summary>
    internal ConcurrentQueue<NamespacedName> Delayed { get; } = [];

    public void OnRequestDelayed(in ProxyConnectionInfo connection, NamespacedName limit) => Delayed.Enqueue(limit);

    public void OnRequestLimited(in ProxyConnectionInfo connection, NamespacedName limit) => Limited.Enqueue(limit);

    /// <summary>Called when policy has been asked, before the answer is returned; on a loop.</summary>
    internal Action? Asked { get; set; }

    public Decision Authorize(SpiffeId? peer, in SocketEndPoint source, WorkloadInfo destination, ushort port, TransportProtocol protocol, bool isRead, out RequestRules? rules)
    {
        rules = isRead ? Rules : null;
        Decision decision = new(Allowed ? Verdict.Allow : Verdict.Deny, Allowed ? DecisionReason.AllowedByDefault : DecisionReason.DeniedByPolicy);
        Asked?.Invoke();
        return decision;
    }

    /// <summary>Whether egress policy lets out what goes to an address.</summary>
    internal Func<SocketEndPoint, bool> MayLeave { get; set; } = _ => true;

    public Decision AuthorizeEgress(WorkloadInfo source, in SocketEndPoint destination, in SocketEndPoint target, TransportProtocol protocol) =>
        MayLeave(target) ? new(Verdict.Allow, DecisionReason.AllowedByDefault) : new(Verdict.Deny, DecisionReason.NetworkPolicyEgress);

    public TlsIdentity? Find(SpiffeId identity) => Identities.GetValueOrDefault(identity);

    /// <summary>Requests that are over: their responses' statuses, and the errors where the proxy has answered.</summary>
    internal ConcurrentQueue<(int Status, string? Error)> Requests { get; } = [];

    /// <summary>The Services that they went to last.</summary>
    internal ConcurrentQueue<string?> Backends { get; } = [];

    /// <summary>What they were as calls of gRPC.</summary>
    internal ConcurrentQueue<GrpcStatus> Calls { get; } = [];

    public IRequestObserver ObserveRequests(in ProxyConnectionInfo connection) => RequestObserver?.Invoke(connection) ?? this;

    /// <summary>What notes requests; null: nothing does.</summary>
    internal Func<ProxyConnectionInfo, IRequestObserver>? RequestObserver { get; set; }

    public IRequestRecord? Begin(HeaderList request, string protocol, int loop) => null;

    /// <summary>What has come of trying requests again.</summary>
    internal ConcurrentQueue<RetryOutcome> Retries { get; } = [];

    public void OnRetried(RetryOutcome outcome) => Retries.Enqueue(outcome);

    /// <summary>What has come of sending requests to further backends.</summary>
    internal ConcurrentQueue<HedgeOutcome> Hedges { get; } = [];

    public void OnHedged(HedgeOutcome outcome) => Hedges.Enqueue(outcome);

    public void OnRequestEnded(in RequestEnd end, IRequestRecord? record)
    {
        Requests.Enqueue((end.Status, end.Error));
        Calls.Enqueue(end.Grpc);
        Cached.Enqueue(end.Cache);
        Backends.Enqueue(end.Backend?.Name);
    }

    public void OnOpened(in ProxyConnectionInfo connection)
    {
        if (Record) Opened.Enqueue(connection);
    }

    public void OnClosed(in ProxyConnectionInfo connection, in ProxyConnectionEnd end)
    {
        if (Record) Closed.Enqueue((connection, end));
    }

    public void OnFailed(in ProxyConnectionInfo connection, ProxyFailure failure, string? detail)
    {
        if (Record) Failed.Enqueue((connection, failure));
    }

    public void OnHandshake(in TunnelHandshake handshake, bool log) => Handshakes.Enqueue((handshake, log));

    internal ConcurrentQueue<(SocketErrno Error, bool Log)> AcceptFailures { get; } = [];

    public void OnAcceptFailed(int loop, SocketErrno error, bool log, int suppressed) => AcceptFailures.Enqueue((error, log));

    public void OnSourcePortChanged()
    {
    }

    internal ConcurrentQueue<SpiffeId> WithoutUdp { get; } = [];

    public void OnTunnelWithoutUdp(in SocketEndPoint peer, SpiffeId identity) => WithoutUdp.Enqueue(identity);

    internal ConcurrentDictionary<DatagramDrop, int> Dropped { get; } = [];

    internal ConcurrentDictionary<ProxyProtocolError, int> HeaderErrors { get; } = [];

    public void OnHeaderRefused(ProxyProtocolError error) => HeaderErrors.AddOrUpdate(error, 1, static (_, n) => n + 1);

    public void OnDatagramDropped(DatagramDrop reason, int count = 1) => Dropped.AddOrUpdate(reason, count, (_, n) => n + count);

    public void OnLoopTurn(int loop, TimeSpan busy, int events)
    {
        if (busy >= TimeSpan.FromMilliseconds(0.1)) Interlocked.Increment(ref _busyTurns);
    }

    public void OnLoopFault(int loop, Exception exception) => Faults.Enqueue(exception);
}
