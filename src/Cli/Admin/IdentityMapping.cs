using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Culvert.Cli.Output;
using Culvert.Core;
using Culvert.Protocol;
using Culvert.Protocol.V1;
using Google.Protobuf;
using TrustBundle = Culvert.Core.TrustBundle;

namespace Culvert.Cli.Admin;

/// <summary>Turns what the agent tells of identities into the command line's own records.</summary>
internal static class IdentityMapping
{
    private const string EllipticCurve = "1.2.840.10045.2.1";
    private const string Rsa = "1.2.840.113549.1.1.1";

    public static IdentityListReport ToListReport(IdentitiesResponse response, DateTimeOffset now) =>
        new([.. response.Identities.Select(i => ToReport(i, ToRevoked(response), now))], [.. response.Federated.Select(f => new FederatedReport(f.TrustDomain, f.Roots.Count, f.Roots.Max(r => (DateTimeOffset?)ToCertificate(r).NotAfter)))]);

    public static IdentityShowReport ToShowReport(IdentitiesResponse response, DateTimeOffset now)
    {
        var identity = response.Identities[0];
        return new(ToReport(identity, ToRevoked(response), now), OrNull(response.TrustDomain), [.. identity.Chain.Select(ToCertificate)], [.. response.Roots.Select(ToCertificate)]);
    }

    public static IdentityRotateReport ToReport(RotateIdentitiesResponse response) =>
        new([.. response.Rotations.Select(r => new RotationReport(r.Identity, ToOptional(r.Before), ToOptional(r.After), OrNull(r.Error)))]);

    /// <summary>Verifies every certificate in use against the trust bundle.</summary>
    public static IdentityVerifyReport Verify(IdentitiesResponse response, DateTimeOffset now)
    {
        var bundle = ToBundle(response);
        var ofNode = response.ControllerRoots.Count > 0 ? new(response.TrustDomain, [.. response.ControllerRoots.Select(r => r.Memory)]) : bundle;
        var revoked = ToRevoked(response);
        return ToReport(bundle, [.. response.Identities.Select(i => Verify(i, i.IsNode ? ofNode : bundle, revoked, now))]);
    }

    /// <summary>Verifies a chain of somewhere else against it.</summary>
    /// <param name="response">Has the trust bundle.</param>
    /// <param name="name">What the chain is called.</param>
    /// <param name="chain">DER certificates, leaf first; one at least.</param>
    /// <param name="now">The time.</param>
    public static IdentityVerifyReport Verify(IdentitiesResponse response, string name, IReadOnlyList<ReadOnlyMemory<byte>> chain, DateTimeOffset now)
    {
        var bundle = ToBundle(response);
        return ToReport(bundle, [Verify(name, chain, bundle, ToRevoked(response), expected: null, now)]);
    }

    public static CertificateReport ToCertificate(ByteString der)
    {
        using var certificate = X509CertificateLoader.LoadCertificate(der.Span);
        return new(
            certificate.Subject,
            certificate.Issuer,
            SerialOf(certificate),
            new DateTimeOffset(certificate.NotBefore).ToUniversalTime(),
            new DateTimeOffset(certificate.NotAfter).ToUniversalTime(),
            KeyOf(certificate.PublicKey),
            CertificateFingerprint.Of(der.Span));
    }

    private static IdentityReport ToReport(HeldIdentity identity, RevokedCredentials revoked, DateTimeOffset now)
    {
        var leaf = identity.Chain.Count > 0 ? ToCertificate(identity.Chain[0]) : null;
        var state = IsRevoked(identity, revoked) ? IdentityReport.Revoked : leaf is null ? IdentityReport.Missing : leaf.NotAfter < now ? IdentityReport.Expired : IdentityReport.Valid;
        return new(OrNull(identity.Identity), identity.IsNode, state, [.. identity.Workloads], leaf?.Serial, leaf?.NotAfter, identity.NextAttempt?.ToDateTimeOffset(), identity.Version, OrNull(identity.Error), OrNull(identity.Source));
    }

    private static IdentityVerifyReport ToReport(TrustBundle bundle, IReadOnlyList<VerifiedReport> certificates) =>
        new(certificates.All(c => c.Broken.Count == 0), OrNull(bundle.TrustDomain), certificates);

    private static VerifiedReport Verify(HeldIdentity identity, TrustBundle bundle, RevokedCredentials revoked, DateTimeOffset now)
    {
        var name = OrNull(identity.Identity) ?? IdentityText.Node;
        return identity.Chain.Count > 0
            ? Verify(name, [.. identity.Chain.Select(c => c.Memory)], bundle, revoked, SpiffeId.Parse(identity.Identity), now)
            : new(name, null, null, [new(VerifiedReport.NoCertificate, identity.Error.Length > 0 ? $"is not there: {identity.Error}" : "is not there yet")]);
    }

    private static VerifiedReport Verify(string name, IReadOnlyList<ReadOnlyMemory<byte>> chain, TrustBundle bundle, RevokedCredentials revoked, SpiffeId? expected, DateTimeOffset now)
    {
        IReadOnlyList<BrokenRuleReport> broken = [.. SvidCheck.FindBroken(chain, bundle, revoked, expected, now).Select(b => new BrokenRuleReport(b.Name, b.Text))];
        try
        {
            var leaf = ToCertificate(ByteString.CopyFrom(chain[0].Span));
            return new(name, leaf.Serial, leaf.NotAfter, broken);
        }
        catch (CryptographicException)
        {
            return new(name, null, null, broken);
        }
    }

    private static bool IsRevoked(HeldIdentity identity, RevokedCredentials revoked) =>
        (SpiffeId.TryParse(identity.Identity, out var id) && revoked.Contains(id)) || revoked.Find(identity.Chain.Select(c => Serial(ToCertificate(c).Serial))) is not null;

    private static RevokedCredentials ToRevoked(IdentitiesResponse response) =>
        new() { Identities = response.RevokedIdentities.Select(SpiffeId.Parse).ToEquatableArray(), Serials = response.RevokedSerials.Select(Serial).ToEquatableArray() };

    private static CertificateSerial Serial(string text) => CertificateSerial.TryParse(text, out var serial, out var error) ? serial : throw new FormatException(error);

    private static TrustBundle ToBundle(IdentitiesResponse response) => new(response.TrustDomain, [.. response.Roots.Select(r => r.Memory)]);

    private static CertificateReport? ToOptional(ByteString der) => der.IsEmpty ? null : ToCertificate(der);

    private static string SerialOf(X509Certificate2 certificate) => CertificateSerial.Of(certificate.SerialNumberBytes.Span).ToString();

    private static string KeyOf(PublicKey key)
    {
        switch (key.Oid.Value)
        {
            case EllipticCurve:
                using (var ec = key.GetECDsaPublicKey())
                {
                    return ec?.ExportParameters(includePrivateParameters: false).Curve.Oid.FriendlyName is { } curve ? $"EC {CurveOf(curve)}" : "EC";
                }

            case Rsa:
                using (var rsa = key.GetRSAPublicKey())
                {
                    return $"RSA {rsa!.KeySize}";
                }

            default:
                return key.Oid.FriendlyName ?? key.Oid.Value ?? "unknown";
        }
    }

    private static string CurveOf(string curve) => curve switch
    {
        "nistP256" or "ECDSA_P256" => "P-256",
        "nistP384" or "ECDSA_P384" => "P-384",
        "nistP521" or "ECDSA_P521" => "P-521",
        _ => curve,
    };

    private static string? OrNull(string text) => text.Length == 0 ? null : text;
}
