using Culvert.Controller.Objects;
using Culvert.Core;

namespace Culvert.Controller.Schema;

/// <summary>Reads culvert.dev/v1alpha1 MeshConfig.</summary>
internal static class MeshConfigReader
{
    /// <summary>Most jitter.</summary>
    public const double MaxJitter = 0.5;
    private static readonly TimeSpan MinLifetime = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan MaxLifetime = TimeSpan.FromDays(90);

    public static MeshConfigObject? Read(FieldReader root, ObjectMeta meta)
    {
        if (meta.Name != MeshConfigObject.OnlyName) root.Map("metadata")!.Fail("name", $"'{meta.Name}' is not in force: there is one MeshConfig only; name it '{MeshConfigObject.OnlyName}'");
        if (root.Map("spec", required: true) is not { } spec) return null;
        var settings = new MeshSettings
        {
            TrustDomain = spec.String("trustDomain", Names.TrustDomain) ?? MeshSettingsDefaults.TrustDomain,
            DefaultAction = spec.Enum<DefaultAction>("defaultAction") ?? DefaultAction.Allow,
            DefaultMtlsMode = MtlsReader.Read(spec, required: false) ?? MtlsMode.Permissive,
            ExcludedCidrs = spec.List<IpPrefix>("excludeCidrs", Names.Prefix),
            ExcludedPorts = spec.Ports("excludePorts"),
            NetworkPolicy = spec.Enum<NetworkPolicyMode>("networkPolicy") ?? NetworkPolicyMode.Enforce,
            DirectPath = spec.Enum<DirectPath>("directPath") ?? DirectPath.Auto,
            TunnelSource = spec.Enum<TunnelSource>("tunnelSource") ?? TunnelSource.Auto,
            ForwardClientCert = spec.Enum<ForwardClientCert>("forwardClientCert") ?? ForwardClientCert.Off,
            IcmpEcho = spec.Enum<DefaultAction>("icmpEcho") ?? DefaultAction.Allow,
        };
        if (spec.Map("certificate") is { } certificate)
        {
            settings = settings with
            {
                CertificateLifetime = certificate.Parsed("lifetime", static (string text, out TimeSpan value) => ParseLifetime(text, out value), MeshSettingsDefaults.CertificateLifetime),
                CertificateLifetimeJitter = certificate.Number("jitter", 0, MaxJitter) ?? MeshSettingsDefaults.CertificateLifetimeJitter,
            };
            certificate.Done();
        }
        settings = settings with { ExternalAuthorizers = ExternalAuthorizerReader.Read(spec) };
        settings = settings with { AccessLog = TelemetryReader.ReadAccessLog(spec), Tracing = TelemetryReader.ReadTracing(spec) };
        settings = settings with { Revoked = RevokedCredentialsReader.Read(spec) };
        EquatableArray<string> workloadNamespaces = spec.List("workloadNamespaces", static (string text, out string value) => Names.Label(value = text));
        spec.Done();
        return new(meta, settings) { WorkloadNamespaces = workloadNamespaces };
    }

    private static string? ParseLifetime(string text, out TimeSpan value)
    {
        string? error = Durations.Parse(text, out value);
        if (error is not null) return error;
        return value < MinLifetime || value > MaxLifetime ? $"'{text}' is not within 2s..2160h" : null;
    }
}
