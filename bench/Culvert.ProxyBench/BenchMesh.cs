using Culvert.Core;
using Culvert.Http2;
using Culvert.Interop.Sockets;
using Culvert.NodeAgent.Proxy;
using Culvert.NodeAgent.Proxy.Captured;
using Culvert.NodeAgent.Proxy.Model;
using Culvert.NodeAgent.Proxy.Udp;

namespace Culvert.ProxyBench;

/// <summary>Fixed answers, and counters of what was observed.</summary>
internal sealed class BenchMesh(WorkloadInfo local, TlsIdentity identity, OutboundRoute? route)
    : IProxyDirectory, IProxyAuthorizer, ICertificateSource, IProxyObserver, IRequestObserver, ITranslatedConnections, ITunnelSource
{
    private long _opened;
    private long _requests;
    private long _closed;
    private long _failed;
    private long _dropped;
    private long _turns;
    private long _events;
    private long _busyTicks;

    public RevokedCredentials Revoked => RevokedCredentials.None;

    internal ProxyAgent Agent => new(this, this, this, this, NoReplyTable.Instance, this, NoDatagramDraws.Instance, this, NoPodSpaces.Instance);

    public bool IsPod => false;

    public WorkloadInfo? FindLocalWorkload(in SocketEndPoint address) => local;

    public HttpRouteTable? FindRoutes(WorkloadInfo? source, in SocketEndPoint destination) => null;

    public OutboundRoute ResolveBackend(WorkloadInfo? source, in SocketEndPoint client, NamespacedName service, ushort port, in RequestTraits traits) => throw new NotSupportedException();

    public OutboundRoute ResolveCheck(WorkloadInfo source, BackendRequests asked) => throw new NotSupportedException();

    public OutboundRoute Resolve(WorkloadInfo? source, in SocketEndPoint sourceAddress, in SocketEndPoint destination, TransportProtocol protocol, SocketEndPoint? drawn = null) => route!.Value;

    public bool TryFind(in SocketEndPoint pod, in SocketEndPoint backend, out SocketEndPoint service)
    {
        service = default;
        return false;
    }

    public ServiceInfo? FindService(in SocketEndPoint address, in SocketEndPoint target, TransportProtocol protocol) => null;

    public ResponseCaching? FindResponseCaching(in SocketEndPoint target) => null;

    public string? FindApplicationProtocol(in SocketEndPoint target, TransportProtocol protocol) => ApplicationProtocol;

    public (WorkloadInfo? Workload, ServiceInfo? Service) WhoIs(in SocketEndPoint destination, TransportProtocol protocol) => (null, null);

    public bool IsCurrent(WorkloadInfo? source, in OutboundRoute given, in SocketEndPoint destination, TransportProtocol protocol) => true;

    public bool IsElsewhere(in SocketEndPoint address, SpiffeId identity) => true;

    public Decision Authorize(SpiffeId? peer, in SocketEndPoint source, WorkloadInfo destination, ushort port, TransportProtocol protocol, bool isRead, out RequestRules? rules)
    {
        rules = null;
        return new(Verdict.Allow, DecisionReason.AllowedByDefault);
    }

    public Decision AuthorizeEgress(WorkloadInfo source, in SocketEndPoint destination, in SocketEndPoint target, TransportProtocol protocol) => new(Verdict.Allow, DecisionReason.AllowedByDefault);

    public TlsIdentity? Find(SpiffeId id) => identity;

    /// <summary>What every port speaks; null: bytes.</summary>
    internal string? ApplicationProtocol { get; init; }

    public IRequestObserver ObserveRequests(in ProxyConnectionInfo connection) => this;

    public IRequestRecord? Begin(HeaderList request, string protocol, int loop) => null;

    public void OnRetried(RetryOutcome outcome)
    {
        // Nothing is tried again.
    }

    public void OnHedged(HedgeOutcome outcome)
    {
        // Nothing has hedges.
    }

    public void OnRequestEnded(in RequestEnd end, IRequestRecord? record) => Interlocked.Increment(ref _requests);

    public void OnRequestDecided(in ProxyConnectionInfo connection, string request)
    {
        // There is no policy.
    }

    public void OnToken(string? issuer, JwtError error)
    {
        // Nobody looks at tokens.
    }

    public void OnAuthorizerAsked(string authorizer, AuthorizerResult result)
    {
        // There are none.
    }

    public void OnLimitServiceAsked(NamespacedName service, AuthorizerResult result, string? failure)
    {
        // There is none.
    }

    public void OnHealthChecked(NamespacedName service, HealthCheckResult result)
    {
        // Nobody is asked.
    }

    public void OnUnhealthy(BackendRequests backend, string reason, bool isLeftOut)
    {
        // Nobody is asked.
    }

    public void OnHealthyAgain(BackendRequests backend)
    {
        // Nobody is asked.
    }

    public void OnMirrored(NamespacedName mirror, MirrorResult result)
    {
        // There are no mirrors.
    }

    public void OnRequestDelayed(in ProxyConnectionInfo connection, NamespacedName limit)
    {
        // There is no policy.
    }

    public void OnRequestLimited(in ProxyConnectionInfo connection, NamespacedName limit)
    {
        // There is no policy.
    }

    public void OnOpened(in ProxyConnectionInfo connection) => Interlocked.Increment(ref _opened);

    public void OnClosed(in ProxyConnectionInfo connection, in ProxyConnectionEnd end) => Interlocked.Increment(ref _closed);

    public void OnFailed(in ProxyConnectionInfo connection, ProxyFailure failure, string? detail)
    {
        if (Interlocked.Increment(ref _failed) <= 10) Console.Error.WriteLine($"failed: {failure} {detail}");
    }

    public void OnHandshake(in TunnelHandshake handshake, bool log)
    {
        if (log) Console.Error.WriteLine($"handshake: {handshake}");
    }

    public void OnSourcePortChanged()
    {
    }

    public void OnTunnelWithoutUdp(in SocketEndPoint peer, SpiffeId identity) => Console.Error.WriteLine($"no UDP at {peer}");

    public void OnHeaderRefused(ProxyProtocolError error) => Interlocked.Increment(ref _dropped);

    public void OnDatagramDropped(DatagramDrop reason, int count = 1) => Interlocked.Add(ref _dropped, count);

    public void OnLoopTurn(int loop, TimeSpan busy, int events)
    {
        Interlocked.Increment(ref _turns);
        Interlocked.Add(ref _events, events);
        Interlocked.Add(ref _busyTicks, busy.Ticks);
    }

    public void OnAcceptFailed(int loop, SocketErrno error, bool log, int suppressed) => Console.Error.WriteLine(error);

    public void OnLoopFault(int loop, Exception exception) => Console.Error.WriteLine(exception);

    internal string Report() =>
        $"opened {_opened}, closed {_closed}, failed {_failed}, requests {_requests}, datagrams dropped {_dropped}; turns {_turns}, events per turn {(double)_events / Math.Max(1, _turns):F2}, "
        + $"busy per turn {_busyTicks / 10.0 / Math.Max(1, _turns):F1} us; allocated {GC.GetTotalAllocatedBytes()} bytes, collections {GC.CollectionCount(0)}";
}
