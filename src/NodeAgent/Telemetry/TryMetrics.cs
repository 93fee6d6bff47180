using Culvert.Core;
using Culvert.NodeAgent.Reasons;
using Culvert.NodeAgent.Telemetry.Metrics;

namespace Culvert.NodeAgent.Telemetry;

/// <summary>Counts further tries of requests by who asks, the Service that was asked, and outcome. Bounded: beyond a number of pairs all others are <c>other</c>. Thread-safe; allocates nothing for a pair that is known.</summary>
/// <typeparam name="TOutcome">The outcomes; their numbers are from 0 on.</typeparam>
internal sealed class TryMetrics<TOutcome>
    where TOutcome : struct, Enum
{
    private const int MostPairs = 1000;

    private static readonly NamespacedName Other = new("other", "other");

    private readonly BoundedSeries<Pair, Counter[]> _series;

    /// <summary>Registers them.</summary>
    /// <param name="registry">Where.</param>
    /// <param name="name">The family's name.</param>
    /// <param name="help">What it is.</param>
    internal TryMetrics(MetricRegistry registry, string name, string help)
    {
        CounterFamily family = registry.Add(new CounterFamily(name, help, ["source_workload", "source_workload_namespace", "source_principal", "service", "service_namespace", "outcome"], (MostPairs + 1) * Enum.GetNames<TOutcome>().Length)); // so that the others have room, too
        _series = new BoundedSeries<Pair, Counter[]>(registry, [family.Name], MostPairs, new Pair(Other, "other", Other), pair =>
            [.. Enum.GetNames<TOutcome>().Select(o => family.With(pair.Source.Name, pair.Source.Namespace, pair.Identity, pair.Service.Name, pair.Service.Namespace, ReasonText.Kebab(o)))], static counters => Array.TrueForAll(counters, c => c.IsRemoved));
    }

    /// <summary>Counts one.</summary>
    /// <param name="client">The client's connection.</param>
    /// <param name="outcome">The number of what has come of it.</param>
    internal void Count(FlowRecord client, int outcome)
    {
        NamespacedName unknown = new("unknown", "unknown");
        _series.Of(new Pair(client.SourceWorkload?.Name ?? unknown, client.SourceIdentity ?? "unknown", client.Service ?? unknown))[outcome].Increment();
    }

    private readonly record struct Pair(NamespacedName Source, string Identity, NamespacedName Service);
}
