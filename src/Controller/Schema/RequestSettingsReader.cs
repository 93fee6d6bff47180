using Culvert.Core;

namespace Culvert.Controller.Schema;

/// <summary>Reads what a TrafficPolicy says of requests: which backend gets one, which are left out, and how many requests and repetitions there may be.</summary>
internal static class RequestSettingsReader
{
    /// <summary>What holds where a field of <c>outlierDetection</c> or <c>retryBudget</c> is not there.</summary>
    public const int DefaultErrors = 5, DefaultEjectionSeconds = 30, DefaultEjectionPercent = 50, DefaultRetryPercent = 20, DefaultRetriesPerSecond = 10, DefaultPendingRequests = 1024;

    /// <summary>What is wrong with a <c>circuitBreaker</c> without a limit.</summary>
    public const string NoLimit = "has no limit; maxRequests, maxConnections or maxPendingRequests is required";

    /// <summary>Reads it; null: nothing is said.</summary>
    public static RequestSettings? Read(FieldReader spec, NamespacedName policy)
    {
        (OutlierDetection? outliers, FallbackService? fallback) = ReadOutliers(spec, policy);
        RequestSettings settings = ReadBreaker(spec, new() { Policy = policy }) with { Outliers = outliers, Fallback = fallback, Retries = ReadBudget(spec), Hedging = HedgingReader.Read(spec), Balancing = RequestBalancingReader.Read(spec), Faults = FaultInjectionReader.Read(spec), HealthCheck = HealthCheckReader.Read(spec), Caching = ResponseCacheReader.Read(spec) };
        return settings is { Outliers: null, MaxRequests: null, MaxConnections: null, MaxPendingRequests: null, Retries: null, Hedging: null, Balancing: null, Faults: null, HealthCheck: null, Caching: null } ? null : settings;
    }

    private static (OutlierDetection? Outliers, FallbackService? Fallback) ReadOutliers(FieldReader spec, NamespacedName policy)
    {
        if (spec.Map("outlierDetection") is not { } outliers) return default;
        FallbackService? fallback = outliers.Map("fallback") is { } reader ? ReadFallback(reader, policy.Namespace) : null;
        long errors = outliers.Integer("consecutiveErrors", 1, OutlierDetection.MostErrors) ?? DefaultErrors;
        TimeSpan time = outliers.Parsed<TimeSpan?>("baseEjectionTime", EjectionTime) ?? TimeSpan.FromSeconds(DefaultEjectionSeconds);
        long percent = outliers.Integer("maxEjectionPercent", 1, 100) ?? (outliers.Has("fallback") ? 100 : DefaultEjectionPercent);
        outliers.Done();
        if (outliers.Has("fallback") && percent < 100) outliers.Note("fallback", "is asked only where there is no backend at all: with a maxEjectionPercent below 100 one is always asked");
        return (new((int)errors, time, (int)percent), fallback);
    }

    private static FallbackService? ReadFallback(FieldReader fallback, string ns)
    {
        string? name = fallback.String("name", Names.Subdomain, required: true);
        ushort? port = fallback.Port("port", required: true);
        fallback.Done();
        return name is null || port is null ? null : new FallbackService(new NamespacedName(ns, name), port.Value);
    }

    private static RequestSettings ReadBreaker(FieldReader spec, RequestSettings settings)
    {
        if (spec.Map("circuitBreaker") is not { } breaker) return settings;
        int? requests = ReadMost(breaker, "maxRequests"), connections = ReadMost(breaker, "maxConnections"), pending = ReadMost(breaker, "maxPendingRequests");
        if (!(breaker.Has("maxRequests") | breaker.Has("maxConnections") | breaker.Has("maxPendingRequests"))) breaker.Fail("", NoLimit);
        breaker.Done();
        return settings with { MaxRequests = requests, MaxConnections = connections, MaxPendingRequests = pending ?? (connections is null ? null : DefaultPendingRequests) };
    }

    private static int? ReadMost(FieldReader breaker, string field) => (int?)breaker.Integer(field, 1, RequestSettings.MostRequestsAtOnce);

    private static RetryBudget? ReadBudget(FieldReader spec)
    {
        if (spec.Map("retryBudget") is not { } budget) return null;
        long percent = budget.Integer("percent", 0, 100) ?? DefaultRetryPercent;
        long least = budget.Integer("minPerSecond", 0, RetryBudget.MostPerSecond) ?? DefaultRetriesPerSecond;
        budget.Done();
        return new((int)percent, (int)least);
    }

    private static string? EjectionTime(string text, out TimeSpan? time)
    {
        string? error = Durations.ParseOfGateway(text, out TimeSpan read);
        time = read;
        return error ?? (read >= OutlierDetection.ShortestEjection && read <= OutlierDetection.LongestEjection ? null : "must be within 1s..1h");
    }
}
