namespace Culvert.Core;

/// <summary>How the proxies of the mesh take part in traces of requests of HTTP.</summary>
public sealed record TracingSettings
{
    /// <summary>Whether they do.</summary>
    public TracingMode Mode { get; init; } = TracingMode.Disabled;

    /// <summary>Of how many requests in a hundred that come without a trace one is recorded; drawn for each: 0..100.</summary>
    public double SamplingPercent { get; init; } = MeshSettingsDefaults.TracingSamplingPercent;

    /// <summary>Where spans are sent by OTLP: an URL that <see cref="OtlpEndpoint"/> takes; empty: nowhere.</summary>
    public string Endpoint { get; init; } = "";
}
