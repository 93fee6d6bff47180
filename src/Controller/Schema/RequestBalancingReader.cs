using Culvert.Core;

namespace Culvert.Controller.Schema;

/// <summary>Reads how a TrafficPolicy has backends picked for requests (<c>requestBalancing</c>).</summary>
internal static class RequestBalancingReader
{
    /// <summary>What names of headers and cookies look like.</summary>
    public const string NamePattern = "^[!#$%&'*+.^_`|~0-9A-Za-z-]+$";

    /// <summary>What <c>ttl</c> looks like: a duration in whole seconds.</summary>
    public const string LifePattern = "^([0-9]{1,5}(h|m|s)){1,4}$";

    /// <summary>Why the name of a header is none by which requests are balanced.</summary>
    public const string NotHeader = "cookie is no header to balance by, as browsers put all their cookies into it: name one in requestBalancing.cookie";

    /// <summary>Why the name of a cookie is none that can be given.</summary>
    public const string NotCookie = "begins with __Host- or __Secure-: browsers drop such cookies unless they are given by HTTPS as Secure, which these are not (RFC 6265bis, section 4.1.3)";

    /// <summary>Reads it; null: nothing is said, or it is wrong.</summary>
    public static RequestBalancing? Read(FieldReader spec)
    {
        if (spec.Map("requestBalancing") is not { } reader) return null;
        RequestBalancingMode? mode = reader.Enum<RequestBalancingMode>("mode", required: true);
        string? header = reader.String("header", Header)?.ToLowerInvariant();
        AffinityCookie? cookie = reader.Map("cookie") is { } of ? ReadCookie(of) : null;
        TimeSpan slowStart = reader.Parsed<TimeSpan>("slowStart", SlowStart);
        bool prefersZone = reader.Bool("preferZone") ?? false;
        reader.Done();
        if (mode is null) return null;
        foreach (string field in new[] { "header", "cookie" })
        {
            if (mode != RequestBalancingMode.Hash && reader.Has(field)) reader.Note(field, $"goes with mode HASH, and does not count with {reader.String("mode")}");
        }

        return new RequestBalancing(mode.Value) { Header = header, Cookie = cookie, SlowStart = slowStart, PrefersZone = prefersZone };
    }

    private static AffinityCookie? ReadCookie(FieldReader cookie)
    {
        string? name = cookie.String("name", CookieName, required: true);
        TimeSpan? life = cookie.Parsed<TimeSpan?>("ttl", Life);
        cookie.Done();
        return name is null ? null : new AffinityCookie(name, life);
    }

    private static string? Header(string name) => RouteHeaders.Name(name) ?? (name.Equals("cookie", StringComparison.OrdinalIgnoreCase) ? NotHeader : null);

    private static string? CookieName(string name) =>
        RouteHeaders.Name(name) ?? (name.StartsWith("__Host-", StringComparison.OrdinalIgnoreCase) || name.StartsWith("__Secure-", StringComparison.OrdinalIgnoreCase) ? NotCookie : null);

    // No part of it is in milliseconds, as the pattern says.
    private static string? Life(string text, out TimeSpan? life)
    {
        string? error = Durations.ParseOfGateway(text, out TimeSpan read);
        life = read;
        return error ?? (read > AffinityCookie.LongestLife ? "must be within 0s..8760h" : text.Contains("ms", StringComparison.Ordinal) ? $"'{text}' is not whole seconds: its parts are in h, m or s" : null);
    }

    private static string? SlowStart(string text, out TimeSpan time)
    {
        string? error = Durations.ParseOfGateway(text, out time);
        return error ?? (time > RequestBalancing.LongestSlowStart ? "must be within 0s..1h" : null);
    }
}
