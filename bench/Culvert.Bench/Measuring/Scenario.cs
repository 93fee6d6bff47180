using Culvert.Bench.Sides;

namespace Culvert.Bench.Measuring;

/// <summary>A load that both sides are put under in turn.</summary>
/// <param name="Metrics">What is read from each run.</param>
/// <param name="CostUnit">Unit of the CPU cost: seconds per unit of work.</param>
/// <param name="Ours">Culvert's side; null when only the peer is measured.</param>
/// <param name="Peer">The peer's side.</param>
/// <param name="Measure">Puts a target under load for a time.</param>
/// <param name="Repeats">How many times the run's rounds it takes until its figures hold still, at least 1.</param>
/// <param name="Restore">Undoes what the load changed in the mesh, also after a failure; null when it changes nothing.</param>
internal sealed record Scenario(
    IReadOnlyList<Metric> Metrics,
    string CostUnit,
    Target? Ours,
    Target Peer,
    Func<Target, TimeSpan, CancellationToken, Task<Reading>> Measure,
    int Repeats = 1,
    Func<CancellationToken, Task>? Restore = null);
