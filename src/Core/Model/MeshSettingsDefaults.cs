namespace Culvert.Core;

/// <summary>Defaults of <see cref="MeshSettings"/>.</summary>
public static class MeshSettingsDefaults
{
    /// <summary>The trust domain where none is configured.</summary>
    public const string TrustDomain = "cluster.local";

    /// <summary>Share of the lifetime by which it varies at random.</summary>
    public const double CertificateLifetimeJitter = 0.1;

    /// <summary>Every request stands in the access log, where there is one.</summary>
    public const double AccessLogSamplingPercent = 100;

    /// <summary>One trace of a hundred is recorded, where they are.</summary>
    public const double TracingSamplingPercent = 1;

    /// <summary>48 hours.</summary>
    public static readonly TimeSpan CertificateLifetime = TimeSpan.FromHours(48);
}
