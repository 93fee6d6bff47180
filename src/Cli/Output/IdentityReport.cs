namespace Culvert.Cli.Output;

/// <summary>Answer of <c>culvert identity list</c>.</summary>
/// <param name="Identities">Those of the node.</param>
/// <param name="Federated">The other trust domains whose workloads are believed.</param>
internal sealed record IdentityListReport(IReadOnlyList<IdentityReport> Identities, IReadOnlyList<FederatedReport> Federated);

/// <summary>A trust domain that the mesh is federated with.</summary>
/// <param name="TrustDomain">Its name.</param>
/// <param name="Roots">How many roots it has; 0: nobody of it is believed.</param>
/// <param name="NotAfter">When the last of them ends; null: there is none.</param>
internal sealed record FederatedReport(string TrustDomain, int Roots, DateTimeOffset? NotAfter);

/// <summary>One identity of the node.</summary>
/// <param name="Identity">The SPIFFE ID; null: the node's own, which is not known yet.</param>
/// <param name="IsNode">Whether it is the node's own.</param>
/// <param name="State">One of the states below.</param>
/// <param name="Workloads">Uids of the workloads of this node that have it.</param>
/// <param name="Serial">Serial number of the certificate in hex digits.</param>
/// <param name="NotAfter">When it ends.</param>
/// <param name="NextAttempt">When the agent asks for the next one; null: now, and where a SPIRE agent sends it never.</param>
/// <param name="Version">From 1, grows with each renewal since the agent's start; 0: there is none.</param>
/// <param name="Error">Why the last attempt to have one has failed.</param>
/// <param name="Source">Who gives it: controller or spire-agent; null: the agent does not tell.</param>
internal sealed record IdentityReport(
    string? Identity, bool IsNode, string State, IReadOnlyList<string> Workloads, string? Serial, DateTimeOffset? NotAfter, DateTimeOffset? NextAttempt, uint Version, string? Error, string? Source)
{
    /// <summary>Source of one whose certificates a SPIRE agent sends.</summary>
    public const string SpireAgent = "spire-agent";

    /// <summary>State of one whose certificate is valid now.</summary>
    public const string Valid = "valid";

    /// <summary>State of one whose certificate has ended.</summary>
    public const string Expired = "expired";

    /// <summary>State of one that peers believe no more.</summary>
    public const string Revoked = "revoked";

    /// <summary>State of one that has no certificate.</summary>
    public const string Missing = "missing";
}

/// <summary>Answer of <c>culvert identity show</c>: the certificate and what leads to a root, leaf first, and the roots of the trust bundle, oldest first.</summary>
internal sealed record IdentityShowReport(IdentityReport Identity, string? TrustDomain, IReadOnlyList<CertificateReport> Chain, IReadOnlyList<CertificateReport> Roots);

/// <summary>One certificate; the fingerprint is SHA-256 of its DER form.</summary>
internal sealed record CertificateReport(string Subject, string Issuer, string Serial, DateTimeOffset NotBefore, DateTimeOffset NotAfter, string Key, string Fingerprint);

/// <summary>Answer of <c>culvert identity rotate</c>.</summary>
internal sealed record IdentityRotateReport(IReadOnlyList<RotationReport> Rotations);

/// <summary>What came of one renewal; with an error <c>Before</c> is still in use.</summary>
internal sealed record RotationReport(string Identity, CertificateReport? Before, CertificateReport? After, string? Error);

/// <summary>Answer of <c>culvert identity verify</c>.</summary>
internal sealed record IdentityVerifyReport(bool Passed, string? TrustDomain, IReadOnlyList<VerifiedReport> Certificates);

/// <summary>One verified certificate and the rules that it breaks.</summary>
/// <param name="Name">The identity that it is kept for, or the file that it is in.</param>
/// <param name="Serial">Its serial number in hex digits; null: there is none.</param>
/// <param name="NotAfter">When it ends.</param>
/// <param name="Broken">The broken rules.</param>
internal sealed record VerifiedReport(string Name, string? Serial, DateTimeOffset? NotAfter, IReadOnlyList<BrokenRuleReport> Broken)
{
    /// <summary>Name of the rule that there is a certificate.</summary>
    public const string NoCertificate = "certificate";
}

/// <summary>One broken rule.</summary>
internal sealed record BrokenRuleReport(string Rule, string Text);
