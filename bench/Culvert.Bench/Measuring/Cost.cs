namespace Culvert.Bench.Measuring;

/// <summary>CPU the whole machine spent per unit of work: load program, application, both sides' proxies, kernel and softirqs.</summary>
/// <param name="Unit">What it is counted in.</param>
/// <param name="Ours">With Culvert; null when only the peer was measured.</param>
/// <param name="Peer">With the peer.</param>
internal sealed record Cost(string Unit, double? Ours, double Peer);
