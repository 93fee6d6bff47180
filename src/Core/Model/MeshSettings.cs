namespace Culvert.Core;

/// <summary>Settings that hold for the whole mesh.</summary>
public sealed record MeshSettings
{
    /// <summary>The trust domain of every identity the mesh gives out.</summary>
    public string TrustDomain { get; init; } = MeshSettingsDefaults.TrustDomain;

    /// <summary>What happens to connections to workloads that no ALLOW policy selects.</summary>
    public DefaultAction DefaultAction { get; init; } = DefaultAction.Allow;

    /// <summary>The mTLS mode of workloads for which nothing more specific is set.</summary>
    public MtlsMode DefaultMtlsMode { get; init; } = MtlsMode.Permissive;

    /// <summary>What comes of connections that NetworkPolicies do not allow.</summary>
    public NetworkPolicyMode NetworkPolicy { get; init; } = NetworkPolicyMode.Enforce;

    /// <summary>How packets go from one workload to another of the same node.</summary>
    public DirectPath DirectPath { get; init; } = DirectPath.Auto;

    /// <summary>From which address nodes open tunnels for their workloads.</summary>
    public TunnelSource TunnelSource { get; init; } = TunnelSource.Auto;

    /// <summary>Destinations the mesh leaves alone: never captured, no policy.</summary>
    public EquatableArray<IpPrefix> ExcludedCidrs { get; init; }

    /// <summary>Destination ports the mesh leaves alone: never captured, no policy.</summary>
    public EquatableArray<ushort> ExcludedPorts { get; init; }

    /// <summary>What happens to ICMP echo requests to workloads; those of their own node are always answered.</summary>
    public DefaultAction IcmpEcho { get; init; } = DefaultAction.Allow;

    /// <summary>Whom policies may ask about requests, each by a name of its own.</summary>
    public EquatableArray<ExternalAuthorizer> ExternalAuthorizers { get; init; }

    /// <summary>Whether applications are told who has sent a request.</summary>
    public ForwardClientCert ForwardClientCert { get; init; } = ForwardClientCert.Off;

    /// <summary>Lifetime of workload certificates before jitter.</summary>
    public TimeSpan CertificateLifetime { get; init; } = MeshSettingsDefaults.CertificateLifetime;

    /// <summary>What is believed no more, though it is signed and valid.</summary>
    public RevokedCredentials Revoked { get; init; } = RevokedCredentials.None;

    /// <summary>What nodes write to their access logs.</summary>
    public AccessLogSettings AccessLog { get; init; } = new();

    /// <summary>How proxies take part in traces.</summary>
    public TracingSettings Tracing { get; init; } = new();

    /// <summary>Each lifetime is changed at random by up to this share of itself, up or down: 0..0.5.</summary>
    public double CertificateLifetimeJitter { get; init; } = MeshSettingsDefaults.CertificateLifetimeJitter;
}
