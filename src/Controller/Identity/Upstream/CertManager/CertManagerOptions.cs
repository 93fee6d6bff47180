using Culvert.Kubernetes.Resources;

namespace Culvert.Controller.Identity.Upstream.CertManager;

/// <summary>Which issuer of cert-manager certifies, and what it leads to.</summary>
/// <param name="Issuer">The issuer; its namespace is where requests are made, also of a ClusterIssuer.</param>
/// <param name="Roots">Path of a PEM file with the roots to be trusted: what a request is answered with says nothing of those that other certificates lead to.</param>
internal sealed record CertManagerOptions(ResourceName Issuer, string Roots)
{
    /// <summary>Kind of the issuer unless said otherwise.</summary>
    public const string DefaultKind = "Issuer";

    /// <summary>Group of the issuer unless said otherwise.</summary>
    public const string DefaultGroup = "cert-manager.io";

    /// <summary>Kind of the issuer.</summary>
    public string Kind { get; init; } = DefaultKind;

    /// <summary>Group of the issuer; other groups are those of external issuers.</summary>
    public string Group { get; init; } = DefaultGroup;

    /// <summary>How long an answer is waited for, also while somebody has to approve the request.</summary>
    public TimeSpan Deadline { get; init; } = TimeSpan.FromSeconds(30);
}
