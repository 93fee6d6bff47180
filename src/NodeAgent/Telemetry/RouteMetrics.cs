using System.Globalization;
using Culvert.Core;
using Culvert.NodeAgent.Proxy.Model;
using Culvert.NodeAgent.Telemetry.Metrics;

namespace Culvert.NodeAgent.Telemetry;

/// <summary>Counts and times requests by the rule that has them and the Service they went to. Bounded: beyond a number of these all others are <c>other</c>. Thread-safe; allocates nothing for what is known.</summary>
internal sealed class RouteMetrics
{
    private const int MaxSeries = 1000;

    private static readonly Key Other = new("other", new("other", "other"), -1, new("other", "other"));

    private readonly CounterFamily _requests;
    private readonly HistogramFamily _durations;
    private readonly BoundedSeries<Key, Series> _series;

    /// <summary>Registers them.</summary>
    /// <param name="registry">Where.</param>
    internal RouteMetrics(MetricRegistry registry)
    {
        string[] labels = ["route_kind", "route", "route_namespace", "rule", "backend", "backend_namespace"];
        _requests = registry.Add(new CounterFamily("culvert_http_route_requests_total", "HTTP requests that are over, by the rule of a route that had them, the Service they went to, and the class of their responses' status.", [.. labels, "code"], (MaxSeries + 1) * RequestMetrics.Classes.Length));
        _durations = registry.Add(new HistogramFamily("culvert_http_route_request_duration_seconds", "Duration of HTTP requests by the rule of a route that had them.", labels, HistogramFamily.Seconds));
        _series = new BoundedSeries<Key, Series>(registry, [_requests.Name, _durations.Name], MaxSeries, Other, key => new Series(this, key), static series => series.IsRemoved);
    }

    /// <summary>A request is over that a rule had.</summary>
    /// <param name="hit">The rule.</param>
    /// <param name="end">How it has ended.</param>
    internal void Count(HttpRouteHit hit, in RequestEnd end) => _series.Of(new Key(KindOf(hit), hit.Route.Name, hit.RuleIndex, end.Backend ?? default)).Count(end);

    /// <summary>What is counted now.</summary>
    internal IEnumerable<RequestCounts> All() => _series.All.Select(s => s.Counts()).Where(c => c.ByClass.Any(n => n > 0));

    private static string KindOf(HttpRouteHit hit) => hit.Rule.Name == HttpRouteRule.NameWithoutRoute ? "Service" : hit.Route.Kind == HttpRouteKind.Grpc ? "GRPCRoute" : "HTTPRoute";

    private readonly record struct Key(string Kind, NamespacedName Route, int Rule, NamespacedName Backend);

    // Where two threads make a counter at once the family has one.
    private sealed class Series(RouteMetrics metrics, Key key)
    {
        private readonly Counter?[] _byClass = new Counter?[RequestMetrics.Classes.Length];
        private readonly string[] _labels = [key.Kind, key.Route.Name, key.Route.Namespace, key.Rule < 0 ? "other" : key.Rule.ToString(CultureInfo.InvariantCulture), key.Backend.Name ?? "", key.Backend.Namespace ?? ""];
        private Histogram? _duration;
        private long _failedCalls; // of gRPC, whose responses have a status of 200

        /// <summary>Whether it has counted, and all that it has counted was removed.</summary>
        internal bool IsRemoved => _duration?.IsRemoved == true && Array.TrueForAll(_byClass, c => c?.IsRemoved != false);

        internal RequestCounts Counts() => new(_labels, RequestMetrics.WithFailedCalls(Array.ConvertAll(_byClass, c => c?.Value ?? 0), Volatile.Read(ref _failedCalls)), _duration?.Counts() ?? []);

        internal void Count(in RequestEnd end)
        {
            int statusClass = RequestMetrics.ClassOf(end.Status);
            if (RequestMetrics.IsFailedCall(statusClass, end.Grpc)) Interlocked.Increment(ref _failedCalls);
            (_byClass[statusClass] ??= metrics._requests.With([.. _labels, RequestMetrics.Classes[statusClass]])).Increment();
            (_duration ??= metrics._durations.With(_labels)).Observe(end.Duration.TotalSeconds);
        }
    }
}
