using System.Text.Json;
using Culvert.Core;
using Culvert.NodeAgent.Proxy.Model;
using Culvert.NodeAgent.Telemetry;
using Culvert.NodeAgent.Telemetry.Metrics;
using Culvert.NodeAgent.Telemetry.Requests;
using Culvert.NodeAgent.Telemetry.Tracing;
using Microsoft.Extensions.Logging.Abstractions;

namespace Culvert.NodeAgent.Tests.Telemetry.Requests;

/// <summary>What an agent has for telling of requests, with an access log that is read by a test.</summary>
internal sealed class RequestLab : IDisposable
{
    private readonly ProxyObserver _observer;

    internal RequestLab(AccessLogSettings? log = null, TracingSettings? tracing = null)
    {
        AgentMetrics metrics = new(new MetricRegistry());
        Registry = metrics.Registry;
        Spans = new SpanExporter("n1", "1.0", Registry, TimeProvider.System, NullLogger.Instance);
        Telemetry = new RequestTelemetry(8, Log, Registry, TimeProvider.System, Random.Shared, NullLogger.Instance, Spans);
        _observer = new ProxyObserver(new FlowSink(metrics, new FlowLog(), null), metrics, () => new SnapshotIndex(new NodeSnapshot()), 8, TimeProvider.System, NullLogger.Instance, Telemetry);
        if (log is not null || tracing is not null) Telemetry.Use(new MeshSettings { AccessLog = log ?? new(), Tracing = tracing ?? new() });
    }

    internal static AccessLogSettings All { get; } = new() { Mode = AccessLogMode.All };

    internal MetricRegistry Registry { get; }

    internal RequestTelemetry Telemetry { get; }

    internal SpanExporter Spans { get; }

    internal MemoryAccessLog Log { get; } = new();

    /// <summary>Hears of the requests of a connection.</summary>
    internal IRequestObserver Observe(ProxyConnectionInfo connection) => _observer.ObserveRequests(connection);

    /// <summary>The records, once there are so many.</summary>
    internal async Task<JsonElement[]> RecordsAsync(int count)
    {
        for (int i = 0; i < 500 && Log.Lines.Length < count; i++) await Task.Delay(10);
        string[] lines = Log.Lines;
        Assert.Equal(count, lines.Length);
        return [.. lines.Select(l => JsonDocument.Parse(l).RootElement)];
    }

    public void Dispose()
    {
        Telemetry.Dispose();
        _observer.Dispose();
        Spans.Dispose();
    }
}
