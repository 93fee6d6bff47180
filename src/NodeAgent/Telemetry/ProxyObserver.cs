using System.Collections.Concurrent;
using System.Globalization;
using System.Net;
using Culvert.Core;
using Culvert.Interop.Sockets;
using Culvert.Logging;
using Culvert.NodeAgent.Proxy.Model;
using Culvert.NodeAgent.Proxy.Tunnel;
using Culvert.NodeAgent.Reasons;
using Culvert.NodeAgent.Telemetry.Metrics;
using Culvert.NodeAgent.Telemetry.Requests;
using Microsoft.Extensions.Logging;

namespace Culvert.NodeAgent.Telemetry;

/// <summary>
/// Hears the proxy's loops and turns what they say into flow records and metrics on a thread of its own, so that a loop only ever
/// enqueues a value. Bounded: what does not fit is counted.
/// </summary>
internal sealed class ProxyObserver : IProxyObserver, IDisposable
{
    private const int MaxQueued = 65_536;

    // Connections come in company. To wake the thread for each of their events takes two system calls and a switch on every side: the first after a
    // silence is taken at once, what follows it within this time together. Measured with `make bench`, l4.cross_node.new_connections.
    private static readonly TimeSpan Gathering = TimeSpan.FromMilliseconds(10);

    private readonly ConcurrentQueue<ProxyEvent> _queue = new();
    private readonly AutoResetEvent _wake = new(initialState: false);
    private readonly FlowSink _sink;
    private readonly AgentMetrics _metrics;
    private readonly Func<SnapshotIndex> _index;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly RequestTelemetry? _requests;
    private readonly LogThrottle<NamespacedName> _limitServices;
    private readonly LogThrottle<(NamespacedName Service, bool IsUnhealthy)> _health;
    private readonly Histogram[] _turns;
    private readonly Counter _portChanged;
    private readonly Counter[] _headerErrors;
    private readonly Counter[] _drops;
    private readonly Counter _lost;
    private readonly Counter _loopFaults;
    private readonly Counter _acceptFailures;
    private readonly Thread _thread;
    private int _queued;
    private int _asleep;
    private volatile bool _stop;

    /// <param name="sink">Takes the records.</param>
    /// <param name="metrics">Takes the counts.</param>
    /// <param name="index">What is in force, for the names of clients on other nodes.</param>
    /// <param name="loops">How many loops there are.</param>
    /// <param name="time">The clock.</param>
    /// <param name="logger">Where failed handshakes and faults are logged.</param>
    /// <param name="requests">Notes requests; null: they are counted only.</param>
    internal ProxyObserver(FlowSink sink, AgentMetrics metrics, Func<SnapshotIndex> index, int loops, TimeProvider time, ILogger logger, RequestTelemetry? requests = null)
    {
        (_sink, _metrics, _index, _time, _logger, _requests) = (sink, metrics, index, time, logger, requests);
        _limitServices = new LogThrottle<NamespacedName>(time, TimeSpan.FromSeconds(10));
        _health = new LogThrottle<(NamespacedName Service, bool IsUnhealthy)>(time, TimeSpan.FromSeconds(10));
        HistogramFamily turns = metrics.Registry.Add(new HistogramFamily("culvert_loop_turn_seconds", "Time an event loop spends between two waits: the longest that an event may have waited.", ["loop"],
            [0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.05, 0.25]));
        _turns = [.. Enumerable.Range(0, loops).Select(i => turns.With($"{i}"))];
        _portChanged = metrics.Registry.Add(new CounterFamily("culvert_source_port_changed_total", "Pods dialled from the client's address but another port, as the client's was taken.", [])).With();
        CounterFamily drops = metrics.Registry.Add(new CounterFamily("culvert_udp_dropped_total", "UDP datagrams that the proxy dropped, by reason.", ["reason"]));
        _headerErrors = [.. Enum.GetNames<ProxyProtocolError>().Select(name => metrics.ProxyProtocolErrors.With(ReasonText.Kebab(name)))];
        _drops = [.. Enum.GetNames<DatagramDrop>().Select(name => drops.With(ReasonText.Kebab(name)))];
        _lost = metrics.Registry.Add(new CounterFamily("culvert_proxy_events_lost_total", "Proxy events that found the queue full.", [])).With();
        _loopFaults = metrics.Registry.Add(new CounterFamily("culvert_loop_faults_total", "Exceptions that reached an event loop: bugs.", [])).With();
        _acceptFailures = metrics.Registry.Add(new CounterFamily("culvert_accept_failures_total", "Times a waiting connection could not be accepted, for want of descriptors or memory.", [])).With();
        _thread = new Thread(Run) { Name = "culvert-events", IsBackground = true };
        _thread.Start();
    }

    public void OnOpened(in ProxyConnectionInfo connection) => Enqueue(new ProxyEvent(FlowEventKind.Opened, _time.GetUtcNow(), connection, default, ProxyFailure.None, null));

    public void OnClosed(in ProxyConnectionInfo connection, in ProxyConnectionEnd end) => Enqueue(new ProxyEvent(FlowEventKind.Closed, _time.GetUtcNow(), connection, end, end.Failure, null));

    public void OnFailed(in ProxyConnectionInfo connection, ProxyFailure failure, string? detail)
    {
        if (connection.HeaderError != ProxyProtocolError.None) _metrics.ProxyProtocolErrors.With(ReasonText.Kebab(connection.HeaderError.ToString())).Increment();
        Enqueue(new ProxyEvent(failure == ProxyFailure.PolicyDenied ? FlowEventKind.Denied : FlowEventKind.Failed, _time.GetUtcNow(), connection, default, failure, detail));
    }

    public IRequestObserver ObserveRequests(in ProxyConnectionInfo connection)
    {
        FlowRecord record = OpenedRecordOf(connection);
        return new ConnectionRequests(_metrics, record, ReporterOf(connection), _requests);
    }

    public void OnRequestDecided(in ProxyConnectionInfo connection, string request) => Enqueue(new ProxyEvent(
        connection.Decision.IsAllowed ? FlowEventKind.RequestAudited : FlowEventKind.RequestDenied, _time.GetUtcNow(), connection, default,
        connection.Decision.IsAllowed ? ProxyFailure.None : ProxyFailure.PolicyDenied, request));

    public void OnToken(string? issuer, JwtError error) => _metrics.Tokens.Count(issuer, error);

    public void OnAuthorizerAsked(string authorizer, AuthorizerResult result) => _metrics.Authorizers.Count(authorizer, result);

    /// <inheritdoc/>
    public void OnLimitServiceAsked(NamespacedName service, AuthorizerResult result, string? failure)
    {
        _metrics.LimitServices.Count(service, result);
        if (failure is null || _limitServices.Next(service) is not { Log: true } line) return;
        ProxyLog.LimitServiceFailed(_logger, service, failure, NotShown(line.Suppressed, "more of this Service"));
    }

    /// <inheritdoc/>
    public void OnHealthChecked(NamespacedName service, HealthCheckResult result) => _metrics.HealthChecks.Count(service, result);

    /// <inheritdoc/>
    public void OnUnhealthy(BackendRequests backend, string reason, bool isLeftOut)
    {
        PortRequests port = backend.Port;
        if (_health.Next((port.Service, true)) is not { Log: true } line) return;
        ProxyLog.BackendUnhealthy(_logger, backend.Address, port.Service, port.Port, reason, isLeftOut ? "no requests of this node" : "requests of this node all the same, as too many backends are left out already", port.Settings.Policy, NotShown(line.Suppressed, "more of this Service"));
    }

    /// <inheritdoc/>
    public void OnHealthyAgain(BackendRequests backend)
    {
        PortRequests port = backend.Port;
        if (_health.Next((port.Service, false)) is not { Log: true } line) return;
        ProxyLog.BackendHealthy(_logger, backend.Address, port.Service, port.Port, NotShown(line.Suppressed, "more of this Service"));
    }

    /// <inheritdoc/>
    public void OnMirrored(NamespacedName mirror, MirrorResult result) => _metrics.Mirrors.Count(mirror, result);

    public void OnRequestLimited(in ProxyConnectionInfo connection, NamespacedName limit) => _metrics.RateLimits.Limited(OpenedRecordOf(connection), ReporterOf(connection), limit);

    public void OnRequestDelayed(in ProxyConnectionInfo connection, NamespacedName limit) => _metrics.RateLimits.Delayed(OpenedRecordOf(connection), ReporterOf(connection), limit);

    public void OnHandshake(in TunnelHandshake handshake, bool log)
    {
        _metrics.Handshakes.With(handshake.IsServer ? "server" : "client", handshake.Failure == ProxyFailure.None ? "ok" : ReasonText.Kebab(handshake.Failure.ToString()), handshake.TlsGroup ?? "").Increment();
        if (handshake.Failure == ProxyFailure.None || !log) return;
        ProxyLog.HandshakeFailed(_logger, handshake.IsServer ? "from" : "to", handshake.Peer, handshake.Local, handshake.Failure, handshake.Detail ?? "", NotShown(handshake.Suppressed, "more of this peer"));
    }

    public void OnAcceptFailed(int loop, SocketErrno error, bool log, int suppressed)
    {
        _acceptFailures.Increment();
        if (log) ProxyLog.AcceptFailed(_logger, loop, error, NotShown(suppressed, "more such failures"));
    }

    public void OnSourcePortChanged() => _portChanged.Increment();

    public void OnTunnelWithoutUdp(in SocketEndPoint peer, SpiffeId identity) => ProxyLog.TunnelWithoutUdp(_logger, peer, identity);

    public void OnHeaderRefused(ProxyProtocolError error) => _headerErrors[(int)error].Increment();

    public void OnDatagramDropped(DatagramDrop reason, int count = 1) => _drops[(int)reason].Add(count);

    public void OnLoopTurn(int loop, TimeSpan busy, int events) => _turns[loop].Observe(busy.TotalSeconds);

    public void OnLoopFault(int loop, Exception exception)
    {
        _loopFaults.Increment();
        ProxyLog.LoopFault(_logger, exception, loop);
    }

    public void Dispose()
    {
        _stop = true;
        _wake.Set();
        _thread.Join();
        _wake.Dispose();
    }

    private void Enqueue(in ProxyEvent e)
    {
        if (Interlocked.Increment(ref _queued) > MaxQueued)
        {
            Interlocked.Decrement(ref _queued);
            _lost.Increment();
            return;
        }
        _queue.Enqueue(e);
        // Only a sleeping reader costs a system call.
        if (Volatile.Read(ref _asleep) == 1 && Interlocked.Exchange(ref _asleep, 0) == 1) _wake.Set();
    }

    private void Run()
    {
        using ThreadStripe stripe = ThreadStripe.Claim();
        while (true)
        {
            bool any = TakeAll();
            if (_stop)
            {
                TakeAll();
                return;
            }

            if (any)
            {
                _wake.WaitOne(Gathering); // only Dispose wakes it
                continue;
            }

            Interlocked.Exchange(ref _asleep, 1);
            if (_queue.IsEmpty && !_stop) _wake.WaitOne();
            Interlocked.Exchange(ref _asleep, 0);
        }
    }

    private bool TakeAll()
    {
        bool any = false;
        while (_queue.TryDequeue(out ProxyEvent e))
        {
            Interlocked.Decrement(ref _queued);
            Take(e);
            any = true;
        }
        return any;
    }

    private static FlowPath PathOf(in ProxyConnectionInfo connection) => connection.Route switch
    {
        OutboundRouteKind.Local => connection.Direction == ProxyDirection.Outbound ? FlowPath.Proxy : FlowPath.Passthrough,
        OutboundRouteKind.Passthrough => FlowPath.Passthrough,
        OutboundRouteKind.Routed => FlowPath.Proxy,
        _ => FlowPath.Tunnel,
    };

    private static string ReporterOf(in ProxyConnectionInfo connection) => connection.Direction == ProxyDirection.Outbound ? "source" : "destination";

    private void Take(in ProxyEvent e) => _sink.Add(RecordOf(e), ReporterOf(e.Connection));

    private FlowRecord OpenedRecordOf(in ProxyConnectionInfo connection) => RecordOf(new ProxyEvent(FlowEventKind.Opened, _time.GetUtcNow(), connection, default, ProxyFailure.None, null));

    private FlowRecord RecordOf(in ProxyEvent e)
    {
        ProxyConnectionInfo c = e.Connection;
        return new FlowRecord
        {
            Time = e.Time,
            Kind = e.Kind,
            Protocol = c.Protocol,
            Path = PathOf(c),
            Source = Point(c.Source),
            Destination = Point(c.Destination),
            Backend = c.Target != c.Destination && c.Target.Port != 0 ? Point(c.Target) : null,
            SourceWorkload = c.SourceWorkload ?? ProvenClient(c),
            DestinationWorkload = c.DestinationWorkload,
            SourceIdentity = c.SourceIdentity?.ToString(),
            DestinationIdentity = c.DestinationIdentity?.ToString(),
            TlsGroup = c.TlsGroup,
            Service = c.Service?.Name,
            Reason = e.Failure switch
            {
                ProxyFailure.None => "",
                ProxyFailure.PolicyDenied when !c.Decision.IsAllowed => ReasonText.Of(c.Decision.Reason), // otherwise another node decided
                ProxyFailure.ProxyProtocol => ReasonTable.ProxyProtocolPrefix + ReasonText.Kebab(c.HeaderError.ToString()),
                _ => ReasonText.Kebab(e.Failure.ToString()),
            },
            IsRefusal = ProxyFailures.IsRefusal(e.Failure),
            Policy = c.Decision.Policy,
            RuleIndex = c.Decision.Policy is null ? -1 : c.Decision.RuleIndex,
            AuditPolicies = c.Decision.AuditPolicies,
            BytesSent = (ulong)e.End.BytesSent,
            BytesReceived = (ulong)e.End.BytesReceived,
            Duration = e.End.Duration,
            AtSource = c.Direction == ProxyDirection.Outbound,
            Request = e.Kind is FlowEventKind.RequestDenied or FlowEventKind.RequestAudited ? e.Detail : null,
        };
    }

    // A client on another node: whose address and identity are those of one workload.
    private WorkloadInfo? ProvenClient(in ProxyConnectionInfo c) =>
        c.SourceIdentity is { } identity && _index().FindWorkload(c.Source.ToIPAddress()) is { } workload && workload.Identity == identity ? workload : null;

    /// <summary>How many more lines of the kind there would be; nothing where there are none.</summary>
    internal static string NotShown(int suppressed, string what) => suppressed == 0 ? "" : string.Create(CultureInfo.InvariantCulture, $" ({suppressed} {what} not shown)");

    private static IPEndPoint Point(in SocketEndPoint point) => new(point.ToIPAddress(), point.Port);
}

internal static partial class ProxyLog
{
    [LoggerMessage(EventId = LogEventIds.HandshakeFailed, Level = LogLevel.Warning, Message = "TLS handshake {Direction} {Peer} as {Local} failed: {Failure} {Detail}{NotShown}")]
    internal static partial void HandshakeFailed(ILogger logger, string direction, SocketEndPoint peer, SpiffeId? local, ProxyFailure failure, string detail, string notShown);

    [LoggerMessage(EventId = LogEventIds.LimitServiceFailed, Level = LogLevel.Warning, Message = "rate limit service behind Service {Service} could not be asked about a request: {Failure}{NotShown}")]
    internal static partial void LimitServiceFailed(ILogger logger, NamespacedName service, string failure, string notShown);

    [LoggerMessage(EventId = LogEventIds.BackendUnhealthy, Level = LogLevel.Warning, Message = "backend {Backend} of Service {Service} port {Port} is unhealthy: {Reason}; it gets {What} (TrafficPolicy {Policy}){NotShown}")]
    internal static partial void BackendUnhealthy(ILogger logger, SocketEndPoint backend, NamespacedName service, ushort port, string reason, string what, NamespacedName policy, string notShown);

    [LoggerMessage(EventId = LogEventIds.BackendHealthy, Level = LogLevel.Information, Message = "backend {Backend} of Service {Service} port {Port} is healthy again{NotShown}")]
    internal static partial void BackendHealthy(ILogger logger, SocketEndPoint backend, NamespacedName service, ushort port, string notShown);

    [LoggerMessage(EventId = LogEventIds.LoopFault, Level = LogLevel.Error, Message = "exception on event loop {Loop}; the loop goes on")]
    internal static partial void LoopFault(ILogger logger, Exception exception, int loop);

    [LoggerMessage(EventId = LogEventIds.AcceptFailed, Level = LogLevel.Warning, Message = "event loop {Loop} cannot accept connections: {Error}; it tries again every 50 ms{NotShown}")]
    internal static partial void AcceptFailed(ILogger logger, int loop, SocketErrno error, string notShown);

    [LoggerMessage(EventId = LogEventIds.TunnelWithoutUdp, Level = LogLevel.Warning, Message = "the proxy of {Identity} at {Peer} does not take UDP (no extended CONNECT, RFC 8441): sessions to it fail")]
    internal static partial void TunnelWithoutUdp(ILogger logger, SocketEndPoint peer, SpiffeId identity);
}
