using Culvert.Core;
using Culvert.NodeAgent.Proxy.Model;
using Culvert.NodeAgent.Reasons;
using Culvert.NodeAgent.Telemetry.Metrics;

namespace Culvert.NodeAgent.Telemetry;

/// <summary>Counts questions to rate limit services by Service and result. Bounded: beyond a number of Services all others are <c>other</c>. Thread-safe; allocates nothing for one that is known.</summary>
internal sealed class LimitServiceMetrics
{
    private const int MostServices = 64;

    private readonly BoundedSeries<NamespacedName, Counter[]> _series;

    /// <summary>Registers them.</summary>
    /// <param name="registry">Where.</param>
    internal LimitServiceMetrics(MetricRegistry registry)
    {
        CounterFamily asked = registry.Add(new CounterFamily("culvert_http_limit_service_requests_total", "Questions to rate limit services about HTTP requests, by Service and result.", ["service", "service_namespace", "result"]));
        _series = new BoundedSeries<NamespacedName, Counter[]>(registry, [asked.Name], MostServices, new NamespacedName("other", "other"), service => [.. Enum.GetNames<AuthorizerResult>().Select(r => asked.With(service.Name, service.Namespace, ReasonText.Kebab(r)))], static counters => Array.TrueForAll(counters, c => c.IsRemoved));
    }

    /// <summary>Counts one.</summary>
    /// <param name="service">Who was asked.</param>
    /// <param name="result">What has come of it.</param>
    internal void Count(NamespacedName service, AuthorizerResult result) => _series.Of(service)[(int)result].Increment();
}
