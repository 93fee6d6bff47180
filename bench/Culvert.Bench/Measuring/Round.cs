namespace Culvert.Bench.Measuring;

/// <summary>One round of one metric: both sides one after the other.</summary>
/// <param name="Ours">Culvert's value; null when only the peer was measured.</param>
/// <param name="Peer">The peer's value.</param>
/// <param name="Ratio">Above 1 means Culvert is better.</param>
internal sealed record Round(double? Ours, double? Peer, double? Ratio);
