using System.Diagnostics.Metrics;
using Culvert.Controller.Identity;
using Culvert.Tests.Shared;

namespace Culvert.Controller.Tests.Identity;

/// <summary>What is measured of authorities, and that <c>docs/metrics.md</c> says it.</summary>
public sealed class AuthorityMetricsTests
{
    [Fact]
    public void TheDocumentSaysWhatIsMeasured()
    {
        using AuthorityMetrics metrics = new();
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
        metrics.Issued();
        metrics.IsUsable(true);
        metrics.SignsUntil(DateTimeOffset.UnixEpoch, DateTimeOffset.UnixEpoch);
        IEnumerable<DocumentedMetric> measured = labels.Select(m => new DocumentedMetric(m.Key.Name, m.Key is Counter<long> ? "counter" : "gauge", m.Value)).OrderBy(m => m.Name, StringComparer.Ordinal);
        Assert.Equal(measured, MetricTables.Of("instrument").Where(m => m.Name.StartsWith("culvert.authority.", StringComparison.Ordinal)));
        Assert.Equal("Culvert.Authority", AuthorityMetrics.MeterName);
    }

    [Fact]
    public void TheDocumentHasEveryReason()
    {
        string row = File.ReadLines(Repository.PathOf("docs/metrics.md")).Single(l => l.StartsWith("| `culvert.authority.certificates`", StringComparison.Ordinal));
        Assert.All(Enum.GetValues<AuthorityFailure>(), r => Assert.Contains($"`{AuthorityMetrics.NameOf(r)}`", row, StringComparison.Ordinal));
    }
}
