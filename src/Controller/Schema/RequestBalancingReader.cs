using Culvert.Core;

namespace Culvert.Controller.Schema;

/// <summary>Reads how a TrafficPolicy has backends picked for requests (<c>requestBalancing</c>).</summary>
internal static class RequestBalancingReader
{
    /// <summary>What names of headers and cookies look like.</summary>
    public const string NamePattern = "^[!#$%&'*+.^_`|~0-9A-Za-z-]+$";

    /// <summary>Reads it; null: nothing is said, or it is wrong.</summary>
    public static RequestBalancing? Read(FieldReader spec)
    {
        if (spec.Map("requestBalancing") is not { } reader) return null;
        RequestBalancingMode? mode = reader.Enum<RequestBalancingMode>("mode", required: true);
        string? header = reader.String("header", RouteHeaders.Name)?.ToLowerInvariant();
        AffinityCookie? cookie = reader.Map("cookie") is { } of ? ReadCookie(of) : null;
        TimeSpan slowStart = reader.Parsed<TimeSpan>("slowStart", SlowStart);
        reader.Done();
        if (mode is null) return null;
        foreach (string field in new[] { "header", "cookie" })
        {
            if (mode != RequestBalancingMode.Hash && reader.Has(field)) reader.Note(field, $"goes with mode HASH, and does not count with {reader.String("mode")}");
        }

        return new RequestBalancing(mode.Value) { Header = header, Cookie = cookie, SlowStart = slowStart };
    }

    private static AffinityCookie? ReadCookie(FieldReader cookie)
    {
        string? name = cookie.String("name", RouteHeaders.Name, required: true);
        TimeSpan? life = cookie.Parsed<TimeSpan?>("ttl", Life);
        cookie.Done();
        return name is null ? null : new AffinityCookie(name, life);
    }

    private static string? Life(string text, out TimeSpan? life)
    {
        string? error = Durations.ParseOfGateway(text, out TimeSpan read);
        life = read;
        return error ?? (read > AffinityCookie.LongestLife ? "must be within 0s..8760h" : read.Milliseconds != 0 ? $"'{text}' is not whole seconds" : null);
    }

    private static string? SlowStart(string text, out TimeSpan time)
    {
        string? error = Durations.ParseOfGateway(text, out time);
        return error ?? (time > RequestBalancing.LongestSlowStart ? "must be within 0s..1h" : null);
    }
}
