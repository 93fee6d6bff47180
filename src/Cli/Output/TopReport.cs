namespace Culvert.Cli.Output;

/// <summary>What <c>culvert top</c> shows of one span of time.</summary>
/// <param name="Seconds">How long it was.</param>
/// <param name="Routes">Requests by the rule of a route that had them and the Service they went to; those with most first.</param>
/// <param name="Workloads">Requests by who asked and who was asked.</param>
internal sealed record TopReport(double Seconds, IReadOnlyList<RouteRateReport> Routes, IReadOnlyList<WorkloadRateReport> Workloads);

/// <summary>Requests of one rule of a route to one Service.</summary>
internal sealed record RouteRateReport(string Kind, string Route, string Rule, string? Backend, RateReport Rate);

/// <summary>Requests between two workloads, as one node has seen them.</summary>
internal sealed record WorkloadRateReport(string SeenAt, string Source, string Destination, RateReport Rate);

/// <summary>Rates of requests.</summary>
/// <param name="PerSecond">How many a second were over.</param>
/// <param name="ClientErrors">The share of them that was answered with a status of 400 to 499, 0 to 1.</param>
/// <param name="ServerErrors">The share that was answered with one of 500 or above, or not, or not in full.</param>
/// <param name="MedianSeconds">The time within which half of them were over; null: that of none is known, or it is longer than is told apart.</param>
/// <param name="P99Seconds">The same of 99 of a hundred.</param>
internal sealed record RateReport(double PerSecond, double ClientErrors, double ServerErrors, double? MedianSeconds, double? P99Seconds);
