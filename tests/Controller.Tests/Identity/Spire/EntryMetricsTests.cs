using System.Diagnostics.Metrics;
using System.Text;
using Culvert.Controller.Identity.Spire.Entries;
using Culvert.Kubernetes.Metrics;
using Culvert.Tests.Shared;
using RpcStatus = Grpc.Core.Status;
using StatusCode = Grpc.Core.StatusCode;

namespace Culvert.Controller.Tests.Identity.Spire;

/// <summary>What is counted of entries, and that <c>docs/metrics.md</c> says it.</summary>
public sealed class EntryMetricsTests : IDisposable
{
    private readonly KubernetesMetrics _others = new();
    private readonly ManualTime _time = new();

    public void Dispose() => _others.Dispose();

    [Fact]
    public void TheDocumentSaysWhatIsMeasured()
    {
        using EntryMetrics metrics = new();
        Dictionary<Instrument, string> labels = [];
        using MeterListener listener = new()
        {
            InstrumentPublished = (instrument, self) =>
            {
                if (instrument.Meter != metrics.Meter) return;
                labels[instrument] = "never measured here";
                self.EnableMeasurementEvents(instrument);
            },
        };
        listener.SetMeasurementEventCallback<long>((instrument, _, tags, _) => labels[instrument] = string.Join(", ", tags.ToArray().Select(t => t.Key)));
        listener.Start();
        MeasureAll(metrics);
        IEnumerable<DocumentedMetric> measured = labels.Select(m => new DocumentedMetric(m.Key.Name, m.Key is Counter<long> ? "counter" : "gauge", m.Value)).OrderBy(m => m.Name, StringComparer.Ordinal);
        Assert.Equal(measured, MetricTables.Of("instrument").Where(m => m.Name.StartsWith("culvert.spire.", StringComparison.Ordinal)));
        Assert.Equal("Culvert.Spire", EntryMetrics.MeterName);
    }

    [Fact]
    public void TheDocumentHasEveryReason()
    {
        string row = File.ReadLines(Repository.PathOf("docs/metrics.md")).Single(l => l.StartsWith("| `culvert.spire.entries.failures`", StringComparison.Ordinal));
        EntryTroubleKind[] neverCounted = [EntryTroubleKind.Parent, EntryTroubleKind.DnsName, EntryTroubleKind.Selectors];
        Assert.All(Enum.GetValues<EntryTroubleKind>().Except(neverCounted), k => Assert.Contains($"`{EntryMetrics.NameOf(k)}`", row, StringComparison.Ordinal));
    }

    [Fact]
    public async Task WhatIsKeptIsTold()
    {
        await using Kept kept = await Kept.CreateAsync();
        using PrometheusExporter exporter = new(_others, _time, kept.Metrics.Meter);
        kept.Entries.Refusal = e => e.SpiffeId.Path.EndsWith("/a1", StringComparison.Ordinal) ? new() { Code = 3, Message = "no" } : null;
        kept.World.Set(FakeWorld.Pods(3));
        await kept.LeadAsync();
        long resynced = kept.Time.GetUtcNow().ToUnixTimeSeconds();
        Assert.Equal(
            [
                """culvert_spire_entries_changes_total{change="created"} 2""",
                """culvert_spire_entries_failures_total{reason="invalid"} 1""",
                $"culvert_spire_entries_resync_timestamp_seconds {resynced}",
                """culvert_spire_entries{state="failing"} 1""",
                """culvert_spire_entries{state="others"} 0""",
                """culvert_spire_entries{state="own"} 2""",
                """culvert_spire_entries{state="wanted"} 3""",
            ],
            Told(exporter));
        kept.Spire.Fault = _ => new RpcStatus(StatusCode.Unavailable, "gone");
        await kept.AfterAsync(kept.Options.FirstRetry);
        await kept.ResignAsync();
        _time.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal(
            [
                """culvert_spire_entries_changes_total{change="created"} 2""",
                """culvert_spire_entries_failures_total{reason="invalid"} 1""",
                """culvert_spire_entries_failures_total{reason="unavailable"} 1""",
                "culvert_spire_entries_resync_timestamp_seconds 0",
                """culvert_spire_entries{state="failing"} 0""",
                """culvert_spire_entries{state="others"} 0""",
                """culvert_spire_entries{state="own"} 0""",
                """culvert_spire_entries{state="wanted"} 0""",
            ],
            Told(exporter));
    }

    private static void MeasureAll(EntryMetrics metrics)
    {
        metrics.Are(new(1, 1, 1, 1, IsDone: true));
        metrics.Created();
        metrics.Failed(EntryTroubleKind.Denied);
        metrics.Resynced(DateTimeOffset.UnixEpoch);
    }

    private static IEnumerable<string> Told(PrometheusExporter exporter) =>
        Encoding.UTF8.GetString(exporter.Render().Span).Split('\n').Where(l => l.StartsWith("culvert_spire_", StringComparison.Ordinal)).Order(StringComparer.Ordinal);
}
