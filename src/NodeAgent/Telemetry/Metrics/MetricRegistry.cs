using Culvert.Logging;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Prom = Prometheus;

namespace Culvert.NodeAgent.Telemetry.Metrics;

/// <summary>
/// The metric families of one agent, and their exposition by prometheus-net as OpenMetrics or Prometheus text. Thread-safe: families are
/// registered at start-up, series are updated from any thread and published at scrape time.
/// </summary>
public sealed partial class MetricRegistry
{
    /// <summary>How long a series stays without an update after its subject is gone.</summary>
    public static readonly TimeSpan IdleTime = TimeSpan.FromMinutes(10);

    /// <summary>Reasons of <see cref="FellBack"/>.</summary>
    internal const string SeriesLimit = "series-limit", LabelLength = "label-length", ReadFailed = "read-failed";

    private readonly List<IMetricFamily> _families = [];
    private readonly List<Action> _swept = [];
    private readonly Lock _lock = new();
    private readonly Prom.CollectorRegistry _collectors = Prom.Metrics.NewCustomRegistry();
    private readonly Prom.IMetricFactory _factory;
    private readonly ILogger _logger;
    private readonly CounterFamily _fallbacks = new("culvert_metric_fallbacks_total", "Label sets and values of metrics that are not shown as they are, by metric and reason.", ["metric", "reason"]);

    /// <param name="time">The clock by which series age; null: the system's.</param>
    /// <param name="logger">Where values that cannot be read are logged; null: nowhere.</param>
    public MetricRegistry(TimeProvider? time = null, ILogger? logger = null)
    {
        Time = time ?? TimeProvider.System;
        _logger = logger ?? NullLogger.Instance;
        Prom.Metrics.SuppressDefaultMetrics();
        Prom.MetricFactory factory = Prom.Metrics.WithCustomRegistry(_collectors);
        factory.ExemplarBehavior = Prom.ExemplarBehavior.NoExemplars(); // but those that are given
        _factory = factory;
        _collectors.AddBeforeCollectCallback(Publish);
    }

    /// <summary>All families there are now, in the order in which they were added.</summary>
    public IReadOnlyList<IMetricFamily> Families
    {
        get
        {
            lock (_lock) return [.. _families];
        }
    }

    /// <summary>The clock.</summary>
    internal TimeProvider Time { get; }

    /// <summary>Adds a family. Throws <see cref="ArgumentException"/> when the name is taken.</summary>
    public T Add<T>(T family) where T : IMetricFamily
    {
        ArgumentNullException.ThrowIfNull(family);
        lock (_lock)
        {
            if (_families.Exists(f => f.Name == family.Name)) throw new ArgumentException($"metric {family.Name} is registered twice", nameof(family));
            family.Join(this, _factory);
            _families.Add(family);
        }
        return family;
    }

    /// <summary>Writes every family as UTF-8, in parts of 16 KiB; ends with the OpenMetrics end marker when <paramref name="openMetrics"/>.</summary>
    /// <param name="to">Takes the text.</param>
    /// <param name="openMetrics">Whether it is OpenMetrics, which has exemplars.</param>
    /// <param name="cancellationToken">Ends it.</param>
    public Task ExportAsync(Stream to, bool openMetrics, CancellationToken cancellationToken) =>
        _collectors.CollectAndExportAsTextAsync(to, openMetrics ? Prom.ExpositionFormat.OpenMetricsText : Prom.ExpositionFormat.PrometheusText, cancellationToken);

    /// <summary>Counts fallbacks in a family of their own.</summary>
    internal void CountFallbacks() => Add(_fallbacks);

    /// <summary>Counts that something of a metric is not shown as it is.</summary>
    internal void FellBack(string metric, string reason) => Fallback(metric, reason).Increment();

    /// <summary>What counts that, for those who count it often.</summary>
    internal Counter Fallback(string metric, string reason) => _fallbacks.With(metric, reason);

    /// <summary>Has something done after each sweep, by who keeps series by a key of their own.</summary>
    internal void AfterSweep(Action action)
    {
        lock (_lock) _swept.Add(action);
    }

    /// <summary>Removes the series that nobody has updated for <see cref="IdleTime"/> and whose subject is gone.</summary>
    internal void Sweep(IMeshSubjects mesh)
    {
        DateTimeOffset now = Time.GetUtcNow();
        mesh.Refresh();
        ForEachFamily(family => family.Sweep(now, mesh));
        Action[] swept;
        lock (_lock) swept = [.. _swept];
        foreach (Action action in swept) action();
    }

    // prometheus-net keeps an exception of a callback to itself, and one of a timer would end the process.
    private void Publish() => ForEachFamily(static family => family.Publish());

    // One family that fails must not hide the others: it is logged, counted, and left out.
    private void ForEachFamily(Action<IMetricFamily> action)
    {
        foreach (IMetricFamily family in Families)
        {
            try
            {
                action(family);
            }
            catch (Exception e) when (e is not OutOfMemoryException)
            {
                ReadFailure(_logger, e, family.Name);
                FellBack(family.Name, ReadFailed);
            }
        }
    }

    [LoggerMessage(EventId = LogEventIds.MetricUnreadable, Level = LogLevel.Error, Message = "metric {Metric} could not be read for a scrape, or swept; it is left out")]
    private static partial void ReadFailure(ILogger logger, Exception exception, string metric);
}
