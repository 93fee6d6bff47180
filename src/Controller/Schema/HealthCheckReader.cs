using Culvert.Core;

namespace Culvert.Controller.Schema;

/// <summary>Reads how a TrafficPolicy has backends asked whether they are well (<c>healthCheck</c>).</summary>
internal static class HealthCheckReader
{
    /// <summary>What paths look like: visible characters of ASCII but '#'.</summary>
    public const string PathPattern = """^/[!"$-~]*$""";

    /// <summary>What services of gRPC look like.</summary>
    public const string ServicePattern = "^[!-~]*$";

    /// <summary>What is wrong with one that has not one kind.</summary>
    public const string NotOneKind = "has none of http, grpc and tcp, or several; one is required";

    /// <summary>What is wrong with an interval out of its range, a timeout out of its, and one that is longer than the interval.</summary>
    public const string NotInterval = "must be an interval within 1s..1h", NotTimeout = "must be within 10ms..1m", TooSlow = "has a timeout that is longer than its interval";

    /// <summary>Reads it; null: nothing is said, or it is wrong.</summary>
    public static HealthCheck? Read(FieldReader spec)
    {
        if (spec.Map("healthCheck") is not { } reader) return null;
        HealthCheck?[] kinds = [ReadHttp(reader), ReadGrpc(reader), ReadTcp(reader)];
        TimeSpan interval = reader.Parsed<TimeSpan?>("interval", Interval) ?? HealthCheck.DefaultInterval, timeout = reader.Parsed<TimeSpan?>("timeout", Timeout) ?? HealthCheck.DefaultTimeout;
        long unhealthy = reader.Integer("unhealthyThreshold", 1, HealthCheck.MostInARow) ?? HealthCheck.DefaultUnhealthyThreshold, healthy = reader.Integer("healthyThreshold", 1, HealthCheck.MostInARow) ?? HealthCheck.DefaultHealthyThreshold;
        reader.Done();
        int fields = (reader.Has("http") ? 1 : 0) + (reader.Has("grpc") ? 1 : 0) + (reader.Has("tcp") ? 1 : 0);
        if (fields != 1) reader.Fail("", NotOneKind);
        if (timeout > interval) reader.Fail("", TooSlow);
        return fields == 1 && kinds.FirstOrDefault(k => k is not null) is { } check
            ? check with { Interval = interval, Timeout = timeout, UnhealthyThreshold = (int)unhealthy, HealthyThreshold = (int)healthy }
            : null;
    }

    private static HealthCheck? ReadHttp(FieldReader reader)
    {
        if (reader.Map("http") is not { } http) return null;
        string path = http.String("path", Path) ?? "/";
        EquatableArray<int> statuses = http.Integers("expectedStatuses", HealthCheck.LeastStatus, HealthCheck.MostStatus);
        if (statuses.Count > HealthCheck.MostStatuses) http.Fail("expectedStatuses", $"has {statuses.Count} statuses; at most {HealthCheck.MostStatuses} are allowed");
        http.Done();
        return new HealthCheck(HealthCheckKind.Http) { Path = path, ExpectedStatuses = statuses };
    }

    private static HealthCheck? ReadGrpc(FieldReader reader)
    {
        if (reader.Map("grpc") is not { } grpc) return null;
        string service = grpc.String("service", Service) ?? "";
        grpc.Done();
        return new HealthCheck(HealthCheckKind.Grpc) { GrpcService = service };
    }

    private static HealthCheck? ReadTcp(FieldReader reader)
    {
        if (reader.Map("tcp") is not { } tcp) return null;
        tcp.Done();
        return new HealthCheck(HealthCheckKind.Tcp);
    }

    private static string? Path(string text) => HealthCheck.IsPath(text) ? null : $"is no path: a slash and visible characters of ASCII without '#', at most {HealthCheck.LongestPath}";

    private static string? Service(string text) => HealthCheck.IsService(text) ? null : $"is no service of gRPC: visible characters of ASCII, at most {HealthCheck.LongestService}";

    private static string? Interval(string text, out TimeSpan? time) => Within(text, HealthCheck.ShortestInterval, HealthCheck.LongestInterval, NotInterval, out time);

    private static string? Timeout(string text, out TimeSpan? time) => Within(text, HealthCheck.ShortestTimeout, HealthCheck.LongestTimeout, NotTimeout, out time);

    private static string? Within(string text, TimeSpan least, TimeSpan most, string otherwise, out TimeSpan? time)
    {
        string? error = Durations.ParseOfGateway(text, out TimeSpan read);
        time = read;
        return error ?? (read >= least && read <= most ? null : otherwise);
    }
}
