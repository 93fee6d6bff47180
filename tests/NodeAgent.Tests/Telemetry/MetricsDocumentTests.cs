using Culvert.Core;
using Culvert.NodeAgent.Hosting;
using Culvert.NodeAgent.Telemetry;
using Culvert.NodeAgent.Telemetry.Metrics;
using Culvert.NodeAgent.Telemetry.Requests;
using Culvert.NodeAgent.Telemetry.Tracing;
using Culvert.NodeAgent.Tests.Telemetry.Requests;
using Culvert.NodeAgent.WorkloadApi;
using Culvert.Tests.Shared;
using Microsoft.Extensions.Logging.Abstractions;

namespace Culvert.NodeAgent.Tests.Telemetry;

/// <summary><c>docs/metrics.md</c> has every metric family of the agent with its type and labels, and none that there is not. <c>MetricNamesTests</c> asks an agent that runs whether these are all.</summary>
public sealed class MetricsDocumentTests
{
    [Fact]
    public void TheDocumentSaysWhatIsRegistered()
    {
        MetricRegistry registry = new();
        AgentMetrics metrics = new(registry);
        using ProxyObserver observer = new(null!, metrics, () => new SnapshotIndex(new NodeSnapshot()), 1, TimeProvider.System, NullLogger.Instance);

        using SpanExporter spans = new("n1", "1.0", registry, TimeProvider.System, NullLogger.Instance);
        using RequestTelemetry requests = new(1, new MemoryAccessLog(), registry, TimeProvider.System, Random.Shared, NullLogger.Instance, spans);
        _ = new WorkloadApiMetrics(registry, new CallerPlaces(TimeProvider.System));

        // The parts are asked when somebody scrapes, which nobody does here.
        AgentFamilies.Register(registry, null!, null!, null!, null!, null!, null!, null!, null!, null!, null!, null!, null!, TimeProvider.System);

        IEnumerable<DocumentedMetric> registered = registry.Families.Select(f => new DocumentedMetric(f.Name, f.Type, string.Join(", ", f.LabelNames)));
        Assert.Equal(registered.OrderBy(m => m.Name, StringComparer.Ordinal), MetricTables.Of("name"));
    }
}
