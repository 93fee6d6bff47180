namespace Culvert.Core;

/// <summary>How nodes find out by asking whether the backends of a Service port are well, and when one is left out for that.</summary>
/// <param name="Kind">What they are asked.</param>
public sealed record HealthCheck(HealthCheckKind Kind)
{
    /// <summary>With <see cref="HealthCheckKind.Http"/>: the path, with a query or without one; of visible ASCII, with a slash at the beginning and without '#', up to <see cref="LongestPath"/>.</summary>
    public string Path { get; init; } = "/";

    /// <summary>With <see cref="HealthCheckKind.Http"/>: the statuses of who is well, <see cref="LeastStatus"/> to <see cref="MostStatus"/>, up to <see cref="MostStatuses"/>; empty: 200.</summary>
    public EquatableArray<int> ExpectedStatuses { get; init; }

    /// <summary>With <see cref="HealthCheckKind.Grpc"/>: the service that is asked about, of visible ASCII, up to <see cref="LongestService"/>; empty: the server as a whole.</summary>
    public string GrpcService { get; init; } = "";

    /// <summary>How often each backend is asked: <see cref="ShortestInterval"/> to <see cref="LongestInterval"/>.</summary>
    public TimeSpan Interval { get; init; } = DefaultInterval;

    /// <summary>How long an answer may take: <see cref="ShortestTimeout"/> to <see cref="LongestTimeout"/>, and no longer than <see cref="Interval"/>.</summary>
    public TimeSpan Timeout { get; init; } = DefaultTimeout;

    /// <summary>After so many failures in a row it is unhealthy: 1 to <see cref="MostInARow"/>.</summary>
    public int UnhealthyThreshold { get; init; } = DefaultUnhealthyThreshold;

    /// <summary>After so many good answers in a row it is healthy again: 1 to <see cref="MostInARow"/>.</summary>
    public int HealthyThreshold { get; init; } = DefaultHealthyThreshold;

    /// <summary>Most characters of a path.</summary>
    public const int LongestPath = 1024;

    /// <summary>Most characters of a service of gRPC.</summary>
    public const int LongestService = 256;

    /// <summary>The range of statuses, and most of them.</summary>
    public const int LeastStatus = 200, MostStatus = 599, MostStatuses = 16;

    /// <summary>The most that <see cref="UnhealthyThreshold"/> and <see cref="HealthyThreshold"/> may be, and what they are where nothing is said.</summary>
    public const int MostInARow = 100, DefaultUnhealthyThreshold = 3, DefaultHealthyThreshold = 2;

    /// <summary>Most of a port's backends, in percent, that are left out at once where no <see cref="OutlierDetection"/> says it.</summary>
    public const int DefaultMaxOutPercent = 50;

    /// <summary>The shortest interval.</summary>
    public static TimeSpan ShortestInterval { get; } = TimeSpan.FromSeconds(1);

    /// <summary>The longest.</summary>
    public static TimeSpan LongestInterval { get; } = TimeSpan.FromHours(1);

    /// <summary>The interval where nothing is said.</summary>
    public static TimeSpan DefaultInterval { get; } = TimeSpan.FromSeconds(10);

    /// <summary>The shortest time for an answer.</summary>
    public static TimeSpan ShortestTimeout { get; } = TimeSpan.FromMilliseconds(10);

    /// <summary>The longest.</summary>
    public static TimeSpan LongestTimeout { get; } = TimeSpan.FromMinutes(1);

    /// <summary>The time where nothing is said.</summary>
    public static TimeSpan DefaultTimeout { get; } = TimeSpan.FromSeconds(1);

    /// <summary>Whether all is in its range.</summary>
    public bool IsValid =>
        Enum.IsDefined(Kind) && IsPath(Path) && IsService(GrpcService) && ExpectedStatuses.Count <= MostStatuses && ExpectedStatuses.All(s => s is >= LeastStatus and <= MostStatus)
        && Interval >= ShortestInterval && Interval <= LongestInterval && Timeout >= ShortestTimeout && Timeout <= LongestTimeout && Timeout <= Interval
        && UnhealthyThreshold is >= 1 and <= MostInARow && HealthyThreshold is >= 1 and <= MostInARow;

    /// <summary>Whether a status is that of one who is well.</summary>
    public bool IsExpected(int status) => ExpectedStatuses.IsEmpty ? status == 200 : ExpectedStatuses.AsSpan().Contains(status);

    /// <summary>Whether a text can be a <see cref="Path"/>.</summary>
    public static bool IsPath(string path) => path.Length is > 0 and <= LongestPath && path[0] == '/' && !path.Contains('#', StringComparison.Ordinal) && IsVisible(path);

    /// <summary>Whether a text can be a <see cref="GrpcService"/>.</summary>
    public static bool IsService(string service) => service.Length <= LongestService && IsVisible(service);

    private static bool IsVisible(string text) => !text.AsSpan().ContainsAnyExceptInRange('!', '~');
}
