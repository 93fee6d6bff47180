using System.Buffers;
using Culvert.Core;

namespace Culvert.Controller.Schema;

/// <summary>Reads what MeshConfig says of the access log and of traces.</summary>
internal static class TelemetryReader
{
    /// <summary>Most fields of requests that an access log has besides.</summary>
    public const int MostHeaders = 16;

    /// <summary>Most characters of one's name.</summary>
    public const int LongestHeader = 64;

    /// <summary>The form of one's name: a token (RFC 9110, section 5.6.2) in lower case.</summary>
    public const string HeaderPattern = "^[a-z0-9!#$%&'*+.^_`|~-]+$";

    private const double MostPercent = 100;

    // Those of the pattern.
    private static readonly SearchValues<char> HeaderCharacters = SearchValues.Create("abcdefghijklmnopqrstuvwxyz0123456789!#$%&'*+.^_`|~-");

    /// <summary>The access log.</summary>
    public static AccessLogSettings ReadAccessLog(FieldReader spec)
    {
        if (spec.Map("accessLog") is not { } log) return new();
        AccessLogSettings settings = new()
        {
            Mode = log.Enum<AccessLogMode>("mode") ?? AccessLogMode.Disabled,
            Format = log.Enum<AccessLogFormat>("format") ?? AccessLogFormat.Json,
            SamplingPercent = log.Number("samplingPercent", 0, MostPercent) ?? MeshSettingsDefaults.AccessLogSamplingPercent,
            SamplesErrors = log.Bool("sampleErrors") ?? false,
            HasQuery = log.Bool("query") ?? false,
            Headers = log.List<string>("headers", ParseHeader),
        };
        if (settings.Headers.Count > MostHeaders) log.Fail("headers", $"has {settings.Headers.Count} fields; at most {MostHeaders} are written");
        log.Done();
        return settings;
    }

    /// <summary>Traces.</summary>
    public static TracingSettings ReadTracing(FieldReader spec)
    {
        if (spec.Map("tracing") is not { } tracing) return new();
        TracingSettings settings = new()
        {
            Mode = tracing.Enum<TracingMode>("mode") ?? TracingMode.Disabled,
            SamplingPercent = tracing.Number("samplingPercent", 0, MostPercent) ?? MeshSettingsDefaults.TracingSamplingPercent,
            Endpoint = tracing.String("endpoint", static text => OtlpEndpoint.Parse(text, out _)) ?? "",
        };
        tracing.Done();
        return settings;
    }

    private static string? ParseHeader(string text, out string name)
    {
        name = text;
        if (text.Length > LongestHeader) return $"'{text}' is longer than {LongestHeader} characters";
        if (text.Length == 0 || text.AsSpan().ContainsAnyExcept(HeaderCharacters)) return $"'{text}' is not the name of a field in lower case";
        return SecretHeaders.Contains(text) ? $"'{text}' is not written to logs: its values are secrets" : null;
    }
}
