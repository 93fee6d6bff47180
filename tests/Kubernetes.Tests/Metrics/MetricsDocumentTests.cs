using System.Diagnostics.Metrics;
using Culvert.Kubernetes.Metrics;
using Culvert.Tests.Shared;

namespace Culvert.Kubernetes.Tests.Metrics;

/// <summary><c>docs/metrics.md</c> has every instrument of the client's meter with its type and labels, and none that there is not.</summary>
public sealed class MetricsDocumentTests : IMeterFactory
{
    private readonly Dictionary<Instrument, string> _labels = [];
    private Meter? _meter;

    [Fact]
    public void TheDocumentSaysWhatIsMeasured()
    {
        using MeterListener listener = new();
        listener.InstrumentPublished = (instrument, _) =>
        {
            if (!ReferenceEquals(instrument.Meter, _meter)) return;
            _labels[instrument] = "never measured here";
            listener.EnableMeasurementEvents(instrument);
        };
        listener.SetMeasurementEventCallback<long>((instrument, _, labels, _) => Note(instrument, labels));
        listener.SetMeasurementEventCallback<double>((instrument, _, labels, _) => Note(instrument, labels));
        listener.Start();
        using KubernetesMetrics metrics = new(this);

        metrics.Requested("get", "pods", "200", TimeSpan.Zero);
        metrics.LimiterWaited(TimeSpan.Zero);
        metrics.WatchEnded("pods", "timeout");
        metrics.WatchEvent("pods");
        metrics.ListPage("pods");
        metrics.Unreadable("pods");
        metrics.InformerLag("pods", 1);
        metrics.HandlerFailed("pods");
        metrics.QueueDepth("status", 1);
        metrics.QueueAdded("status");
        metrics.QueueRetried("status");
        metrics.QueueTaken("status", TimeSpan.Zero);
        metrics.QueueDone("status", TimeSpan.Zero);
        metrics.Leading("lease", 1);

        IEnumerable<DocumentedMetric> measured = _labels.Select(m => new DocumentedMetric(m.Key.Name, TypeOf(m.Key), m.Value));
        Assert.Equal(measured.OrderBy(m => m.Name, StringComparer.Ordinal), MetricTables.Of("instrument").Where(m => m.Name.StartsWith("culvert.kubernetes.", StringComparison.Ordinal)));
        Assert.Equal(KubernetesMetrics.MeterName, _meter!.Name);
    }

    public Meter Create(MeterOptions options) => _meter = new Meter(options);

    public void Dispose() => _meter?.Dispose();

    private static string TypeOf(Instrument instrument) => instrument switch
    {
        Counter<long> => "counter",
        UpDownCounter<long> => "up-down counter",
        Histogram<double> => "histogram",
        _ => instrument.GetType().Name,
    };

    private void Note(Instrument instrument, ReadOnlySpan<KeyValuePair<string, object?>> labels)
    {
        List<string> names = [];
        foreach (KeyValuePair<string, object?> label in labels) names.Add(label.Key);
        _labels[instrument] = string.Join(", ", names);
    }
}
