namespace Culvert.Core;

/// <summary>What the nodes write to their access logs.</summary>
public sealed record AccessLogSettings
{
    /// <summary>Which requests.</summary>
    public AccessLogMode Mode { get; init; } = AccessLogMode.Disabled;

    /// <summary>In which form.</summary>
    public AccessLogFormat Format { get; init; } = AccessLogFormat.Json;

    /// <summary>Of how many requests in a hundred, those that failed left aside; drawn for each: 0..100.</summary>
    public double SamplingPercent { get; init; } = MeshSettingsDefaults.AccessLogSamplingPercent;

    /// <summary>Whether requests that failed are drawn as all others are; else each is written.</summary>
    public bool SamplesErrors { get; init; }

    /// <summary>Whether paths are written with their queries, which is where applications have secrets.</summary>
    public bool HasQuery { get; init; }

    /// <summary>Fields of requests that are written besides, by their names in lower case: none of <see cref="SecretHeaders"/>.</summary>
    public EquatableArray<string> Headers { get; init; }
}
