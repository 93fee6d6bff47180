using System.Collections.Immutable;
using System.Net;
using Culvert.Core;
using Culvert.NodeAgent.Telemetry;
using Culvert.NodeAgent.Telemetry.Metrics;
using Culvert.Tests.Shared;

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

    [Fact]
    public void SeriesNameTheOwnersOfPodsAndGoWithThem()
    {
        ManualTime time = new();
        AgentMetrics metrics = new(new MetricRegistry(time));
        NodeSnapshot snapshot = new() { Workloads = ((WorkloadInfo[])[Pod("web-1", WorkloadOwnerKind.Deployment, "web"), Pod("db-0", WorkloadOwnerKind.StatefulSet, "db"), Pod("job-1", WorkloadOwnerKind.Job, "job")]).ToImmutableDictionary(w => w.Uid) };
        using SeriesExpiry expiry = new(metrics.Registry, new SnapshotSubjects(() => snapshot), time);
        foreach (string source in (string[])["web-1", "job-1"])
        {
            metrics.Count(
                new FlowRecord
                {
                    Time = DateTimeOffset.UnixEpoch,
                    Kind = FlowEventKind.Opened,
                    Path = FlowPath.Direct,
                    Source = new IPEndPoint(IPAddress.Parse("10.0.0.1"), 40_000),
                    Destination = new IPEndPoint(IPAddress.Parse("10.0.0.2"), 80),
                    SourceWorkload = snapshot.Workloads[source],
                    DestinationWorkload = snapshot.Workloads["db-0"],
                },
                "kernel");
        }

        Assert.Equal(2, Opened(metrics).Length);
        Assert.Contains(Opened(metrics), l => l.EndsWith(",connection_security_policy=\"kernel\",source_deployment=\"web\",destination_statefulset=\"db\"} 1", StringComparison.Ordinal));
        Assert.Contains(Opened(metrics), l => l.EndsWith(",connection_security_policy=\"kernel\",source_job=\"job\",destination_statefulset=\"db\"} 1", StringComparison.Ordinal));
        snapshot = snapshot with { Workloads = snapshot.Workloads.Remove("job-1") };
        time.Advance(TimeSpan.FromMinutes(11));
        Assert.Contains("source_deployment=\"web\"", Assert.Single(Opened(metrics)), StringComparison.Ordinal);
    }

    private static WorkloadInfo Pod(string name, WorkloadOwnerKind kind, string owner) => new()
    {
        Uid = name,
        Name = new NamespacedName("demo", name),
        ServiceAccount = "default",
        Identity = SpiffeId.Parse("spiffe://td/ns/demo/sa/default"),
        Node = "n1",
        Owner = new WorkloadOwner(kind, owner),
    };

    private static string[] Opened(AgentMetrics metrics) =>
        [.. metrics.Registry.Render(openMetrics: false).Split('\n').Where(l => l.StartsWith("culvert_tcp_connections_opened_total{", StringComparison.Ordinal))];
}
