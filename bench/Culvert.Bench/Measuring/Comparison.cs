using Culvert.Bench.Sides;

namespace Culvert.Bench.Measuring;

/// <summary>
/// Runs a scenario on both sides in turn. Every round measures both within seconds of each other and the order alternates (A B, B A, …), so
/// that what else the machine does meets both sides alike; the result is the median of the rounds' ratios, not the ratio of two medians.
/// </summary>
internal sealed class Comparison(int rounds, TimeSpan duration, TimeSpan warmUp)
{
    /// <summary>Measures the scenario, and undoes what its load changed.</summary>
    public Task<IReadOnlyList<Result>> RunAsync(Scenario scenario, CancellationToken cancellationToken) =>
        Restoring.RunAsync(() => MeasureAsync(scenario, cancellationToken), scenario.Restore, cancellationToken);

    private async Task<IReadOnlyList<Result>> MeasureAsync(Scenario scenario, CancellationToken cancellationToken)
    {
        foreach (Target? target in (Target?[])[scenario.Ours, scenario.Peer])
        {
            if (target is not null) await scenario.Measure(target, warmUp, cancellationToken);
        }
        List<(Reading? Ours, Reading Peer)> readings = [];
        (double Busy, double Work) ours = default, peer = default;
        for (int round = 0; round < rounds * scenario.Repeats; round++)
        {
            Reading? a = null, b = null;
            for (int turn = 0; turn < 2; turn++)
            {
                bool oursNow = (round + turn) % 2 == 0;
                if (oursNow && scenario.Ours is null) continue;
                double before = CpuClock.BusySeconds();
                Reading reading = await scenario.Measure(oursNow ? scenario.Ours! : scenario.Peer, duration, cancellationToken);
                double busy = reading.BusySeconds ?? CpuClock.BusySeconds() - before;
                if (oursNow) (a, ours) = (reading, (ours.Busy + busy, ours.Work + reading.Work));
                else (b, peer) = (reading, (peer.Busy + busy, peer.Work + reading.Work));
            }
            readings.Add((a, b!));
        }
        Cost cost = new(scenario.CostUnit, scenario.Ours is null ? null : ours.Busy / ours.Work, peer.Busy / peer.Work);
        return [.. scenario.Metrics.Select((metric, i) => Result.Of(metric, [.. readings.Select(r => RoundOf(metric, r.Ours?.Values[i], r.Peer.Values[i]))], cost))];
    }

    private static Round RoundOf(Metric metric, double? ours, double peer) =>
        new(ours, peer, ours is null ? null : metric.Ratio(ours.Value, peer));
}
