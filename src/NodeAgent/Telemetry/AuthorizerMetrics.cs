using Culvert.NodeAgent.Proxy.Model;
using Culvert.NodeAgent.Reasons;
using Culvert.NodeAgent.Telemetry.Metrics;

namespace Culvert.NodeAgent.Telemetry;

/// <summary>Counts questions to external authorizers by authorizer and result. Bounded: beyond a number of authorizers all others are <c>other</c>. Thread-safe; allocates nothing for one that is known.</summary>
internal sealed class AuthorizerMetrics
{
    private const int MostAuthorizers = 64;

    private readonly BoundedSeries<string, Counter[]> _series;

    /// <summary>Registers them.</summary>
    /// <param name="registry">Where.</param>
    internal AuthorizerMetrics(MetricRegistry registry)
    {
        CounterFamily asked = registry.Add(new CounterFamily("culvert_http_authorizer_requests_total", "Questions to external authorizers about HTTP requests, by authorizer and result.", ["authorizer", "result"]));
        _series = new BoundedSeries<string, Counter[]>(registry, [asked.Name], MostAuthorizers, "other", authorizer => [.. Enum.GetNames<AuthorizerResult>().Select(r => asked.With(authorizer, ReasonText.Kebab(r)))], static counters => Array.TrueForAll(counters, c => c.IsRemoved));
    }

    /// <summary>Counts one.</summary>
    /// <param name="authorizer">Who was asked.</param>
    /// <param name="result">What has come of it.</param>
    internal void Count(string authorizer, AuthorizerResult result) => _series.Of(authorizer)[(int)result].Increment();
}
