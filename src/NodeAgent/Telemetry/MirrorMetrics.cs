using Culvert.Core;
using Culvert.NodeAgent.Proxy.Model;
using Culvert.NodeAgent.Reasons;
using Culvert.NodeAgent.Telemetry.Metrics;

namespace Culvert.NodeAgent.Telemetry;

/// <summary>Counts copies of requests by mirror and result. Bounded: beyond a number of mirrors all others are <c>other</c>. Thread-safe; allocates nothing for a mirror that is known.</summary>
internal sealed class MirrorMetrics
{
    private const int MostMirrors = 256;

    private readonly BoundedSeries<NamespacedName, Counter[]> _series;

    /// <summary>Registers them.</summary>
    /// <param name="registry">Where.</param>
    internal MirrorMetrics(MetricRegistry registry)
    {
        CounterFamily copies = registry.Add(new CounterFamily("culvert_http_mirrored_total", "Copies of HTTP requests for mirrors, by mirror and result.", ["service", "service_namespace", "result"]));
        _series = new BoundedSeries<NamespacedName, Counter[]>(registry, [copies.Name], MostMirrors, new("other", "other"), mirror => [.. Enum.GetNames<MirrorResult>().Select(r => copies.With(mirror.Name, mirror.Namespace, ReasonText.Kebab(r)))], static counters => Array.TrueForAll(counters, c => c.IsRemoved));
    }

    /// <summary>Counts one.</summary>
    /// <param name="mirror">The mirror's Service.</param>
    /// <param name="result">What has become of it.</param>
    internal void Count(NamespacedName mirror, MirrorResult result) => _series.Of(mirror)[(int)result].Increment();
}
