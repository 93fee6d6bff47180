using Culvert.Core;
using Culvert.NodeAgent.Proxy.Model;
using Culvert.NodeAgent.Telemetry.Metrics;

namespace Culvert.NodeAgent.Telemetry;

/// <summary>The agent's metric families and how flow records count in them. Thread-safe.</summary>
public sealed class AgentMetrics
{
    private readonly ConnectionFamilies _tcp;
    private readonly ConnectionFamilies _udp;
    private readonly SeriesCache<ConnectionLabels.Key, ConnectionSeries> _series;

    /// <summary>Registers every family in <paramref name="registry"/>.</summary>
    public AgentMetrics(MetricRegistry registry)
    {
        ArgumentNullException.ThrowIfNull(registry);
        Registry = registry;
        registry.CountFallbacks();
        _series = new SeriesCache<ConnectionLabels.Key, ConnectionSeries>(registry, static series => series.IsRemoved);
        _tcp = new ConnectionFamilies(registry, "culvert_tcp", "connection", "Connections", ConnectionLabels.Names);
        _udp = new ConnectionFamilies(registry, "culvert_udp", "session", "UDP sessions", ConnectionLabels.Names);
        Requests = new RequestMetrics(registry);
        RateLimits = new RateLimitMetrics(registry);
        Tokens = new TokenMetrics(registry);
        Mirrors = new MirrorMetrics(registry);
        Retries = new TryMetrics<RetryOutcome>(registry, "culvert_http_retries_total", "Repetitions of HTTP requests, by the Service that was asked and outcome.");
        Hedges = new TryMetrics<HedgeOutcome>(registry, "culvert_http_hedges_total", "HTTP requests that were sent to a further backend while one had them, by the Service that was asked and outcome.");
        Routes = new RouteMetrics(registry);
        Authorizers = new AuthorizerMetrics(registry);
        LimitServices = new LimitServiceMetrics(registry);
        HealthChecks = new HealthCheckMetrics(registry);
        BackendEjections = registry.Add(
            new CounterFamily("culvert_backend_ejections_total", "Times that a backend of a Service port was left out for a while, because requests to it had failed.", ["service", "service_namespace", "port"]));
        Handshakes = registry.Add(new CounterFamily("culvert_tls_handshakes_total", "TLS handshakes of tunnels.", ["side", "result", "tls_group"]));
        ProxyProtocolErrors = registry.Add(new CounterFamily("culvert_proxy_protocol_errors_total", "PROXY protocol headers refused: of load balancers, and of the kernel's datagrams.", ["reason"]));
        Audited = registry.Add(new CounterFamily("culvert_policy_audit_total", "Connections and requests that matched an AUDIT policy.", ["policy", "destination_workload", "destination_workload_namespace"]));
        SnapshotsRejected = registry.Add(new CounterFamily("culvert_snapshots_rejected_total", "Snapshots from the controller that could not be applied.", []));
        StateWritesFailed = registry.Add(new CounterFamily("culvert_state_writes_failed_total", "Attempts to write a file of the state or run folder that failed; what was to be written is in force all the same.", ["file"]));
        RoutingRestored = registry.Add(new CounterFamily("culvert_routing_restored_total", "Rules, routes and nft tables of the agent that another program had removed or changed, and that were put back.", []));
        CniCalls = registry.Add(new HistogramFamily("culvert_cni_call_duration_seconds", "Calls of the CNI plugin, from when the agent has them to the answer.", ["command", "result"], HistogramFamily.Seconds));
        CertificateRequests = registry.Add(new CounterFamily("culvert_certificate_requests_total", "Certificates asked of the controller.", ["result"]));
        SpireCertificates = registry.Add(new CounterFamily("culvert_spire_certificates_total", "Certificates that the SPIRE agent has given, and that it has given and taken back.", ["result"]));
    }

    /// <summary>The registry that holds the families.</summary>
    public MetricRegistry Registry { get; }

    /// <summary>HTTP requests.</summary>
    internal RequestMetrics Requests { get; }

    /// <summary>Requests that RateLimits refuse or delay.</summary>
    internal RateLimitMetrics RateLimits { get; }

    internal TokenMetrics Tokens { get; }

    /// <summary>Copies of HTTP requests.</summary>
    internal MirrorMetrics Mirrors { get; }

    /// <summary>Repetitions of HTTP requests.</summary>
    internal TryMetrics<RetryOutcome> Retries { get; }

    /// <summary>HTTP requests that were sent to a further backend while one had them.</summary>
    internal TryMetrics<HedgeOutcome> Hedges { get; }

    /// <summary>Requests by route.</summary>
    internal RouteMetrics Routes { get; }

    internal AuthorizerMetrics Authorizers { get; }

    /// <summary>Questions to rate limit services.</summary>
    internal LimitServiceMetrics LimitServices { get; }

    /// <summary>Backends asked whether they are well.</summary>
    internal HealthCheckMetrics HealthChecks { get; }

    /// <summary>Backends left out, by Service and port.</summary>
    public CounterFamily BackendEjections { get; }

    /// <summary>TLS handshakes by side (client, server), result and key exchange group.</summary>
    public CounterFamily Handshakes { get; }

    /// <summary>PROXY protocol headers refused, by reason.</summary>
    public CounterFamily ProxyProtocolErrors { get; }

    /// <summary>Connections that matched an AUDIT policy.</summary>
    public CounterFamily Audited { get; }

    /// <summary>Snapshots refused.</summary>
    public CounterFamily SnapshotsRejected { get; }

    /// <summary>Writes to disk that failed, by what was to be written.</summary>
    public CounterFamily StateWritesFailed { get; }

    /// <summary>Rules and routes put back.</summary>
    public CounterFamily RoutingRestored { get; }

    /// <summary>Calls of the CNI plugin by command and result, in seconds.</summary>
    public HistogramFamily CniCalls { get; }

    /// <summary>Certificate requests by result.</summary>
    public CounterFamily CertificateRequests { get; }

    /// <summary>Certificates of a SPIRE agent by what has become of them.</summary>
    public CounterFamily SpireCertificates { get; }

    /// <summary>Counts one flow record. <paramref name="reporter"/> is <c>kernel</c>, <c>source</c> or <c>destination</c>.</summary>
    public void Count(FlowRecord record, string reporter)
    {
        ArgumentNullException.ThrowIfNull(record);
        if (record.Kind != FlowEventKind.Closed) CountAudited(record); // its end tells of the same policies
        if (record.Kind == FlowEventKind.Dropped) return; // counted by the kernel's own drop counters
        if (record.Request is not null) return; // counted as a request
        ConnectionSeries series = Series(record, reporter);
        switch (record.Kind)
        {
            case FlowEventKind.Opened:
                series.Opened.Increment();
                break;
            case FlowEventKind.Closed:
                series.Closed.Increment();
                series.Sent.Add((long)record.BytesSent);
                series.Received.Add((long)record.BytesReceived);
                series.Duration.Observe(record.Duration.TotalSeconds);
                break;
            default:
                Families(record).Failed.With([.. series.Labels, record.Reason]).Increment();
                break;
        }
    }

    private void CountAudited(FlowRecord record)
    {
        foreach (PolicyReference policy in record.AuditPolicies) Audited.With(policy.ToString(), ConnectionLabels.Name(record.DestinationWorkload), ConnectionLabels.Namespace(record.DestinationWorkload)).Increment();
    }

    private ConnectionSeries Series(FlowRecord record, string reporter)
    {
        ConnectionFamilies families = Families(record);
        ConnectionLabels.Key key = ConnectionLabels.KeyOf(record, reporter);
        if (_series.Find(key) is { } known) return known;
        string[] labels = ConnectionLabels.Of(record, reporter);
        ConnectionSeries series = new(
            labels, families.Opened.With(labels), families.Closed.With(labels), families.Sent.With(labels), families.Received.With(labels), families.Duration.With(reporter, ConnectionLabels.OfPath(record.Path)));
        _series.Keep(key, series);
        return series;
    }

    private ConnectionFamilies Families(FlowRecord record) => record.Protocol == TransportProtocol.Udp ? _udp : _tcp;

    private sealed record ConnectionSeries(string[] Labels, Counter Opened, Counter Closed, Counter Sent, Counter Received, Histogram Duration)
    {
        // The duration is that of all connections of a path, and stays.
        internal bool IsRemoved => Opened.IsRemoved && Closed.IsRemoved && Sent.IsRemoved && Received.IsRemoved;
    }
}
