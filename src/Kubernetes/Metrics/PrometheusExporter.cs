using System.Diagnostics.Metrics;
using Prom = Prometheus;

namespace Culvert.Kubernetes.Metrics;

/// <summary>
/// The metrics of a client in the Prometheus text format (version 0.0.4), counted from when this is made and written by prometheus-net. A request costs no more than the bytes: the text is made once a second at most, however many ask.
/// Safe for use by many threads.
/// </summary>
public sealed class PrometheusExporter : IDisposable
{
    /// <summary>Value of the header Content-Type for the text.</summary>
    public const string ContentType = "text/plain; version=0.0.4; charset=utf-8";

    private static readonly TimeSpan Fresh = TimeSpan.FromSeconds(1);

    private readonly TimeProvider _time;
    private readonly Prom.CollectorRegistry _registry = Prom.Metrics.NewCustomRegistry();
    private readonly MeterListener _listener;
    private readonly Lock _lock = new();
    private (byte[] Bytes, long Time)? _last;

    /// <param name="metrics">What is exported; the caller owns it, and measures nothing before this is made that is to count.</param>
    /// <param name="time">The clock.</param>
    /// <param name="others">Meters of others that are exported as well, of the same kinds of instruments.</param>
    public PrometheusExporter(KubernetesMetrics metrics, TimeProvider time, params IReadOnlyList<Meter> others)
    {
        ArgumentNullException.ThrowIfNull(metrics);
        _time = time;
        Prom.Metrics.SuppressDefaultMetrics();
        Prom.MetricFactory factory = Prom.Metrics.WithCustomRegistry(_registry);
        factory.ExemplarBehavior = Prom.ExemplarBehavior.NoExemplars();
        _listener = new()
        {
            InstrumentPublished = (instrument, listener) =>
            {
                if (metrics.Has(instrument) || others.Contains(instrument.Meter)) listener.EnableMeasurementEvents(instrument, new PrometheusFamily(instrument, factory));
            },
        };
        _listener.SetMeasurementEventCallback<long>(static (_, value, labels, family) => ((PrometheusFamily)family!).Add(value, labels));
        _listener.SetMeasurementEventCallback<double>(static (_, value, labels, family) => ((PrometheusFamily)family!).Add(value, labels));
        _listener.Start();
    }

    /// <summary>The text, at most a second old: all families, also those that have no series yet. It must not be changed.</summary>
    public ReadOnlyMemory<byte> Render()
    {
        lock (_lock)
        {
            if (_last is { } last && _time.GetElapsedTime(last.Time) < Fresh) return last.Bytes;
            using MemoryStream text = new(_last?.Bytes.Length ?? 0);
            _registry.CollectAndExportAsTextAsync(text).GetAwaiter().GetResult(); // into memory: nothing to wait for
            byte[] bytes = text.ToArray();
            _last = (bytes, _time.GetTimestamp());
            return bytes;
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _listener.Dispose();
}
