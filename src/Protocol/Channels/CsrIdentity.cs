using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Culvert.Core;
using Grpc.Core;

namespace Culvert.Protocol;

/// <summary>
/// Certificate signing requests. The controller decides whom a certificate is for; authorities that sign what a request names need it there as well. Who does not know it yet, as a node that joins, is told by a
/// trailer of the refusal.
/// </summary>
public static class CsrIdentity
{
    /// <summary>The trailer that says which identity the request has to name.</summary>
    public const string TrailerName = "culvert-csr-identity";

    private const string Subject = "O=Culvert";

    /// <summary>PKCS#10 in DER, signed by the key.</summary>
    /// <param name="key">The key to be certified: ECDSA, or RSA.</param>
    /// <param name="identity">Whom it names; null: nobody.</param>
    /// <param name="dnsNames">What it names besides.</param>
    /// <exception cref="ArgumentException">The key is of another kind.</exception>
    public static byte[] Create(AsymmetricAlgorithm key, SpiffeId? identity, params IEnumerable<string> dnsNames)
    {
        ArgumentNullException.ThrowIfNull(key);
        ArgumentNullException.ThrowIfNull(dnsNames);
        CertificateRequest request = key switch
        {
            ECDsa { KeySize: > 256 } ec => new(Subject, ec, HashAlgorithmName.SHA384),
            ECDsa ec => new(Subject, ec, HashAlgorithmName.SHA256),
            RSA rsa => new(Subject, rsa, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1),
            _ => throw new ArgumentException("Only keys of ECDSA and RSA are certified.", nameof(key)),
        };
        if (identity is not null)
        {
            SubjectAlternativeNameBuilder names = new();
            names.AddUri(new Uri(identity.ToString(), new UriCreationOptions { DangerousDisablePathAndQueryCanonicalization = true }));
            foreach (string name in dnsNames) names.AddDnsName(name);
            request.CertificateExtensions.Add(names.Build());
        }
        return request.CreateSigningRequest();
    }

    /// <summary>Which identity a refused request has to name; null when that is not why it was refused.</summary>
    public static SpiffeId? ToName(RpcException refusal)
    {
        ArgumentNullException.ThrowIfNull(refusal);
        return SpiffeId.TryParse(refusal.Trailers.FirstOrDefault(t => t.Key == TrailerName)?.Value, out SpiffeId? identity) ? identity : null;
    }
}
