using System.Net;
using Culvert.Core;
using Culvert.NodeAgent.Telemetry;
using Culvert.NodeAgent.Telemetry.Metrics;

namespace Culvert.NodeAgent.Tests.Telemetry;

public sealed class FlowSinkTests
{
    [Theory]
    [InlineData(FlowEventKind.Opened, FlowEventKind.Closed)]
    [InlineData(FlowEventKind.Denied)]
    [InlineData(FlowEventKind.Failed)]
    public void AnAuditedConnectionIsCountedOnce(params FlowEventKind[] life)
    {
        AgentMetrics metrics = new(new MetricRegistry());
        FlowSink sink = new(metrics, new FlowLog(), accessLog: null);
        PolicyReference policy = new(new NamespacedName("shop", "watch"));
        foreach (FlowEventKind kind in life)
        {
            sink.Add(
                new FlowRecord
                {
                    Time = DateTimeOffset.UnixEpoch,
                    Kind = kind,
                    Path = FlowPath.Direct,
                    Source = new IPEndPoint(IPAddress.Parse("10.0.0.1"), 40_000),
                    Destination = new IPEndPoint(IPAddress.Parse("10.0.0.2"), 80),
                    AuditPolicies = [policy],
                },
                "kernel");
        }

        Assert.Equal(1, metrics.Audited.With(policy.ToString(), "unknown", "unknown").Value);
    }
}
