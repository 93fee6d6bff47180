namespace Culvert.Bench.Measuring;

/// <summary>One line of the results: what is compared, and how much better Culvert must and should be.</summary>
/// <param name="Name">Stable name.</param>
/// <param name="Unit">Unit of both values.</param>
/// <param name="HigherIsBetter">False for times and memory; the ratio is then inverted.</param>
/// <param name="PeerName">What Culvert is compared with.</param>
/// <param name="Must">Ratio that must be reached.</param>
/// <param name="Aim">Ratio aimed at.</param>
internal sealed record Metric(string Name, string Unit, bool HigherIsBetter, string PeerName, double Must, double Aim)
{
    /// <summary>Above 1 means Culvert is better, whichever way the unit points.</summary>
    public double Ratio(double ours, double peer) => HigherIsBetter ? ours / peer : peer / ours;
}
