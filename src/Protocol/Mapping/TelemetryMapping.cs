using Culvert.Core;
using Wire = Culvert.Protocol.V1;

namespace Culvert.Protocol;

/// <summary>What is told of requests, between model and wire.</summary>
public static class TelemetryMapping
{
    /// <summary>The wire form of the access log's settings.</summary>
    public static Wire.AccessLog ToWire(this AccessLogSettings log)
    {
        var wire = new Wire.AccessLog
        {
            Mode = log.Mode.ToWire(),
            Format = log.Format.ToWire(),
            SamplingPercent = log.SamplingPercent,
            SamplesErrors = log.SamplesErrors,
            HasQuery = log.HasQuery,
        };
        wire.Headers.Add(log.Headers);
        return wire;
    }

    /// <summary>The model of the access log's settings.</summary>
    /// <exception cref="FormatException">A field holds a value that is not allowed.</exception>
    public static AccessLogSettings ToModel(this Wire.AccessLog log) => new()
    {
        Mode = log.Mode.ToModel(),
        Format = log.Format.ToModel(),
        SamplingPercent = Percent(log.SamplingPercent, "access_log.sampling_percent"),
        SamplesErrors = log.SamplesErrors,
        HasQuery = log.HasQuery,
        Headers = log.Headers.Select(Header).ToEquatableArray(),
    };

    /// <summary>The wire form of the settings of traces.</summary>
    public static Wire.Tracing ToWire(this TracingSettings tracing) => new()
    {
        IsEnabled = tracing.Mode == TracingMode.Enabled,
        SamplingPercent = tracing.SamplingPercent,
        Endpoint = tracing.Endpoint,
    };

    /// <summary>The model of the settings of traces.</summary>
    /// <exception cref="FormatException">A field holds a value that is not allowed.</exception>
    public static TracingSettings ToModel(this Wire.Tracing tracing) => new()
    {
        Mode = tracing.IsEnabled ? TracingMode.Enabled : TracingMode.Disabled,
        SamplingPercent = Percent(tracing.SamplingPercent, "tracing.sampling_percent"),
        Endpoint = tracing.Endpoint.Length > 0 && OtlpEndpoint.Parse(tracing.Endpoint, out _) is { } error ? throw new FormatException($"tracing.endpoint {error}") : tracing.Endpoint,
    };

    private static double Percent(double value, string field) => value is >= 0 and <= 100 ? value : throw new FormatException($"{field} {value} is not within 0..100");

    private static string Header(string name) => SecretHeaders.Contains(name) ? throw new FormatException($"access_log.headers has {name}, whose values are secrets") : FieldMapping.Required(name, "access_log.headers");
}
