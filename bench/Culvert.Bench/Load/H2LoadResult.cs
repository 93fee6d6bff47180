namespace Culvert.Bench.Load;

/// <summary>What one run of h2load reported.</summary>
/// <param name="RequestsPerSecond">Complete answers per second.</param>
/// <param name="Requests">Complete answers in all.</param>
/// <param name="Errors">Requests that failed, and answers that were not 2xx.</param>
/// <param name="BodyBytes">Bytes of the bodies of all answers.</param>
internal sealed record H2LoadResult(double RequestsPerSecond, long Requests, long Errors, long BodyBytes);
