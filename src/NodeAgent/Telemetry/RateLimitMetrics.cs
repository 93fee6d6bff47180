using Culvert.Core;
using Culvert.NodeAgent.Telemetry.Metrics;

namespace Culvert.NodeAgent.Telemetry;

/// <summary>Counts requests that RateLimits refuse or have wait, by both ends and RateLimit. Thread-safe; allocates nothing for a series that is known.</summary>
internal sealed class RateLimitMetrics
{
    private readonly Family _limited;
    private readonly Family _delayed;

    /// <summary>Registers them.</summary>
    /// <param name="registry">Where.</param>
    internal RateLimitMetrics(MetricRegistry registry)
    {
        _limited = new Family(registry, "culvert_http_rate_limited_total", "HTTP requests that a RateLimit had no room for.");
        _delayed = new Family(registry, "culvert_http_rate_delayed_total", "HTTP requests that a RateLimit had wait until they were on time.");
    }

    /// <summary>Counts a request that was one too many.</summary>
    /// <param name="record">Its connection.</param>
    /// <param name="reporter"><c>source</c> or <c>destination</c>.</param>
    /// <param name="limit">The RateLimit.</param>
    internal void Limited(FlowRecord record, string reporter, NamespacedName limit) => _limited.Count(record, reporter, limit);

    /// <summary>Counts one that waits.</summary>
    /// <param name="record">Its connection.</param>
    /// <param name="reporter"><c>source</c> or <c>destination</c>.</param>
    /// <param name="limit">The RateLimit.</param>
    internal void Delayed(FlowRecord record, string reporter, NamespacedName limit) => _delayed.Count(record, reporter, limit);

    private sealed class Family(MetricRegistry registry, string name, string help)
    {
        private readonly CounterFamily _counters = registry.Add(new CounterFamily(name, help, [.. ConnectionLabels.Names, "policy"]));
        private readonly SeriesCache<(ConnectionLabels.Key Ends, NamespacedName Limit), Counter> _series = new(registry, static counter => counter.IsRemoved);

        internal void Count(FlowRecord record, string reporter, NamespacedName limit)
        {
            (ConnectionLabels.Key, NamespacedName) key = (ConnectionLabels.KeyOf(record, reporter), limit);
            Counter? series = _series.Find(key);
            if (series is null)
            {
                series = _counters.With([.. ConnectionLabels.Of(record, reporter), limit.ToString()]);
                _series.Keep(key, series);
            }

            series.Increment();
        }
    }
}
