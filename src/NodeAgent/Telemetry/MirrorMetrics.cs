using System.Collections.Concurrent;
using Culvert.Core;
using Culvert.NodeAgent.Proxy.Model;
using Culvert.NodeAgent.Reasons;
using Culvert.NodeAgent.Telemetry.Metrics;

namespace Culvert.NodeAgent.Telemetry;

/// <summary>Counts copies of requests by mirror and result. Bounded: beyond a number of mirrors all others are <c>other</c>. Thread-safe; allocates nothing for a mirror that is known.</summary>
internal sealed class MirrorMetrics
{
    private const int MostMirrors = 256;

    private static readonly NamespacedName Other = new("other", "other");

    private readonly ConcurrentDictionary<NamespacedName, Counter[]> _series = new();
    private readonly CounterFamily _copies;

    /// <summary>Registers them.</summary>
    /// <param name="registry">Where.</param>
    internal MirrorMetrics(MetricRegistry registry) =>
        _copies = registry.Add(new CounterFamily("culvert_http_mirrored_total", "Copies of HTTP requests for mirrors, by mirror and result.", ["service", "service_namespace", "result"]));

    /// <summary>Counts one.</summary>
    /// <param name="mirror">The mirror's Service.</param>
    /// <param name="result">What has become of it.</param>
    internal void Count(NamespacedName mirror, MirrorResult result)
    {
        if (!_series.TryGetValue(mirror, out Counter[]? counters))
        {
            if (_series.Count >= MostMirrors) mirror = Other;
            counters = _series.GetOrAdd(mirror, m => [.. Enum.GetNames<MirrorResult>().Select(r => _copies.With(m.Name, m.Namespace, ReasonText.Kebab(r)))]);
        }

        counters[(int)result].Increment();
    }
}
