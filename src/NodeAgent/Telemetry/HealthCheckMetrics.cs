using Culvert.Core;
using Culvert.NodeAgent.Proxy.Model;
using Culvert.NodeAgent.Reasons;
using Culvert.NodeAgent.Telemetry.Metrics;

namespace Culvert.NodeAgent.Telemetry;

/// <summary>Counts how often backends were asked whether they are well, by Service and result. Bounded: beyond a number of Services all others are <c>other</c>. Thread-safe; allocates nothing for one that is known.</summary>
internal sealed class HealthCheckMetrics
{
    private const int MostServices = 1024;

    private readonly BoundedSeries<NamespacedName, Counter[]> _series;

    /// <summary>Registers them.</summary>
    /// <param name="registry">Where.</param>
    internal HealthCheckMetrics(MetricRegistry registry)
    {
        CounterFamily checks = registry.Add(new CounterFamily("culvert_health_checks_total", "Times that a backend was asked whether it is well, by Service and result.", ["service", "service_namespace", "result"]));
        _series = new BoundedSeries<NamespacedName, Counter[]>(registry, [checks.Name], MostServices, new NamespacedName("other", "other"), service => [.. Enum.GetNames<HealthCheckResult>().Select(r => checks.With(service.Name, service.Namespace, ReasonText.Kebab(r)))], static counters => Array.TrueForAll(counters, c => c.IsRemoved));
    }

    /// <summary>Counts one.</summary>
    /// <param name="service">Whose backend.</param>
    /// <param name="result">What has come of it.</param>
    internal void Count(NamespacedName service, HealthCheckResult result) => _series.Of(service)[(int)result].Increment();
}
