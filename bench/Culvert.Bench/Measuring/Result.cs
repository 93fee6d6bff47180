using System.Text.Json.Serialization;

namespace Culvert.Bench.Measuring;

/// <summary>The outcome of one metric, as written to results.json: figures, or the error that prevented them.</summary>
/// <param name="Name">Stable name.</param>
/// <param name="Unit">Unit of both values.</param>
/// <param name="Ours">Median of Culvert's values; null when only the peer was measured.</param>
/// <param name="Peer">Median of the peer's values, or the budget; null when the row failed.</param>
/// <param name="PeerName">What Culvert was compared with.</param>
/// <param name="Ratio">Median of the rounds' ratios; above 1 always means Culvert is better.</param>
/// <param name="Must">Ratio that must be reached.</param>
/// <param name="Aim">Ratio aimed at.</param>
/// <param name="Spread">Lowest and highest ratio of a round.</param>
/// <param name="Runs">Every round.</param>
/// <param name="Cost">CPU per unit of work, where that is meaningful.</param>
/// <param name="Error">Why the row failed; null when it was measured.</param>
internal sealed record Result(
    string Name,
    string Unit,
    double? Ours,
    double? Peer,
    string PeerName,
    double? Ratio,
    double Must,
    double Aim,
    IReadOnlyList<double> Spread,
    IReadOnlyList<Round> Runs,
    Cost? Cost,
    string? Error = null)
{
    /// <summary>Whether all its numbers are finite, as JSON needs them.</summary>
    [JsonIgnore]
    public bool IsFinite =>
        new[] { Ours, Peer, Ratio, Cost?.Ours, Cost?.Peer }.Concat(Runs.SelectMany(r => new[] { r.Ours, r.Peer, r.Ratio })).All(v => double.IsFinite(v ?? 0));

    /// <summary>A row that could not be measured.</summary>
    public static Result Failed(Metric metric, string error) =>
        new(metric.Name, metric.Unit, null, null, metric.PeerName, null, metric.Must, metric.Aim, [], [], null, error);

    public static Result Of(Metric metric, IReadOnlyList<Round> rounds, Cost? cost)
    {
        double[] ratios = [.. rounds.Where(r => r.Ratio.HasValue).Select(r => r.Ratio!.Value)];
        double[] ours = [.. rounds.Where(r => r.Ours.HasValue).Select(r => r.Ours!.Value)];
        double[] peer = [.. rounds.Where(r => r.Peer.HasValue).Select(r => r.Peer!.Value)];
        return new Result(
            metric.Name, metric.Unit,
            ours.Length == 0 ? null : Statistics.Median(ours), Statistics.Median(peer), metric.PeerName,
            ratios.Length == 0 ? null : Statistics.Median(ratios), metric.Must, metric.Aim,
            ratios.Length == 0 ? [] : [ratios.Min(), ratios.Max()], rounds, cost);
    }
}
