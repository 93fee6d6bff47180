using System.Diagnostics.Metrics;
using Culvert.Controller.Identity.Federation;
using Culvert.Tests.Shared;

namespace Culvert.Controller.Tests.Identity.Federation;

/// <summary>What is counted of other trust domains, and that <c>docs/metrics.md</c> says it.</summary>
public sealed class FederationMetricsTests
{
    [Fact]
    public void TheDocumentSaysWhatIsMeasured()
    {
        using FederationMetrics metrics = new();
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
        metrics.Has("a.example", 1);
        metrics.Changed("a.example", DateTimeOffset.UnixEpoch);
        metrics.Same("a.example", DateTimeOffset.UnixEpoch);
        metrics.Failed("a.example");
        IEnumerable<DocumentedMetric> measured = labels.Select(m => new DocumentedMetric(m.Key.Name, m.Key is Counter<long> ? "counter" : "gauge", m.Value)).OrderBy(m => m.Name, StringComparer.Ordinal);
        Assert.Equal(measured, MetricTables.Of("instrument").Where(m => m.Name.StartsWith("culvert.federation.", StringComparison.Ordinal)));
        Assert.Equal("Culvert.Federation", FederationMetrics.MeterName);
    }
}
