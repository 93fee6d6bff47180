using Culvert.Core;
using Culvert.NodeAgent.Proxy.Model;
using Culvert.NodeAgent.Reasons;
using Culvert.NodeAgent.Telemetry.Metrics;

namespace Culvert.NodeAgent.Telemetry;

/// <summary>Counts repetitions of requests by who asks, the Service that was asked, and outcome. Bounded: beyond a number of pairs all others are <c>other</c>. Thread-safe; allocates nothing for a pair that is known.</summary>
internal sealed class RetryMetrics
{
    private const int MostPairs = 1000; // with as many outcomes each they have room in the family, and so have the others

    private static readonly NamespacedName Other = new("other", "other");

    private readonly BoundedSeries<Pair, Counter[]> _series;

    /// <summary>Registers them.</summary>
    /// <param name="registry">Where.</param>
    internal RetryMetrics(MetricRegistry registry)
    {
        CounterFamily retries = registry.Add(new CounterFamily(
            "culvert_http_retries_total", "Repetitions of HTTP requests, by the Service that was asked and outcome.", ["source_workload", "source_workload_namespace", "source_principal", "service", "service_namespace", "outcome"]));
        _series = new BoundedSeries<Pair, Counter[]>(MostPairs, new Pair(Other, "other", Other), pair =>
            [.. Enum.GetNames<RetryOutcome>().Select(o => retries.With(pair.Source.Name, pair.Source.Namespace, pair.Identity, pair.Service.Name, pair.Service.Namespace, ReasonText.Kebab(o)))]);
    }

    /// <summary>Counts one.</summary>
    /// <param name="client">The client's connection.</param>
    /// <param name="outcome">What has come of it.</param>
    internal void Count(FlowRecord client, RetryOutcome outcome)
    {
        NamespacedName unknown = new("unknown", "unknown");
        _series.Of(new Pair(client.SourceWorkload?.Name ?? unknown, client.SourceIdentity ?? "unknown", client.Service ?? unknown))[(int)outcome].Increment();
    }

    private readonly record struct Pair(NamespacedName Source, string Identity, NamespacedName Service);
}
