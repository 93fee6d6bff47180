namespace Culvert.Bench.Load;

/// <summary>What one run of wrk reported.</summary>
/// <param name="RequestsPerSecond">Complete answers per second.</param>
/// <param name="Requests">Complete answers in all.</param>
/// <param name="P50Microseconds">Median latency.</param>
/// <param name="P99Microseconds">99th percentile of the latency.</param>
/// <param name="Errors">Socket errors and answers that were neither 2xx nor 3xx.</param>
internal sealed record WrkResult(double RequestsPerSecond, long Requests, double P50Microseconds, double P99Microseconds, long Errors);
