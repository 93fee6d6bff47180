using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Culvert.Bench.Measuring;
using Culvert.Core;
using Culvert.Protocol;

namespace Culvert.Bench.Identity;

/// <summary>A request for a certificate that was made before the clock starts.</summary>
/// <param name="Uid">The workload.</param>
/// <param name="Identity">Whose certificate it is to be.</param>
/// <param name="Csr">PKCS#10 in DER, as agents make it.</param>
/// <param name="PublicKey">What is to be certified: SubjectPublicKeyInfo in DER.</param>
internal sealed record PreparedRequest(string Uid, SpiffeId Identity, byte[] Csr, byte[] PublicKey)
{
    /// <summary>Requests for all workloads of a node, each with a key of its own.</summary>
    public static IReadOnlyList<PreparedRequest> OfNode(int node) => Prepare(node, 0, IdentityShape.WorkloadsOfNode);

    /// <summary>Those of a batch.</summary>
    public static IReadOnlyList<PreparedRequest> OfBatch(int node, int batch) => Prepare(node, batch * IdentityShape.BatchOfNode, IdentityShape.BatchOfNode);

    /// <summary>Makes sure that a certificate is what was asked for.</summary>
    /// <param name="leaf">The certificate in DER.</param>
    /// <param name="signer">Whose it is, for the message.</param>
    /// <exception cref="BenchInvalidException">It is of another key, or for somebody else.</exception>
    public void Check(ReadOnlyMemory<byte> leaf, string signer)
    {
        using X509Certificate2 certificate = X509CertificateLoader.LoadCertificate(leaf.Span);
        if (!certificate.PublicKey.ExportSubjectPublicKeyInfo().AsSpan().SequenceEqual(PublicKey)) throw new BenchInvalidException($"{signer} has certified another key than that of {Uid}.");
        if (!SvidReader.TryRead(certificate, out SpiffeId? identity) || identity != Identity) throw new BenchInvalidException($"{signer} has certified {identity} and not {Identity}.");
    }

    private static PreparedRequest[] Prepare(int node, int first, int count) => [.. Enumerable.Range(first, count).Select(n => Prepare(IdentityShape.Uid(node, n), IdentityShape.Identity(node, n)))];

    private static PreparedRequest Prepare(string uid, SpiffeId identity)
    {
        using ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        return new(uid, identity, CsrIdentity.Create(key, identity), key.ExportSubjectPublicKeyInfo());
    }
}
