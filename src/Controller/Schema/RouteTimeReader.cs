using Culvert.Core;

namespace Culvert.Controller.Schema;

/// <summary>Reads how long requests of a rule may take, and when they are tried again.</summary>
internal static class RouteTimeReader
{
    private const int MostAttempts = 100, LeastCode = 400, MostCode = 599;

    /// <summary>Reads the timeouts; none is as if there were no limit.</summary>
    public static HttpRouteRule ReadTimeouts(FieldReader rule, HttpRouteRule read)
    {
        if (rule.Map("timeouts") is not { } timeouts) return read;
        TimeSpan? request = Positive(timeouts, "request"), backend = Positive(timeouts, "backendRequest");
        if (backend > request) timeouts.Fail("backendRequest", "is longer than request, which is for all tries together");
        timeouts.Done();
        return read with { RequestTimeout = request, BackendTimeout = backend };
    }

    /// <summary>Reads when a request is tried again; null: nothing is said.</summary>
    public static HttpRouteRetry? ReadRetry(FieldReader rule)
    {
        if (rule.Map("retry") is not { } retry) return null;
        int attempts = (int)(retry.Integer("attempts", 1, MostAttempts) ?? 1);
        EquatableArray<int> codes = retry.Integers("codes", LeastCode, MostCode);
        TimeSpan? backoff = Positive(retry, "backoff");
        retry.Done();
        return new(attempts, codes.Distinct().ToEquatableArray(), backoff);
    }

    private static TimeSpan? Positive(FieldReader reader, string field) => reader.Parsed<TimeSpan>(field, Durations.ParseOfGateway) is var time && time > TimeSpan.Zero ? time : null;
}
