namespace Culvert.NodeAgent.Identity;

/// <summary>Asks the mesh's authority for workload certificates.</summary>
public interface ICertificateIssuer
{
    /// <summary>Has a certificate signed for a workload of this node.</summary>
    /// <param name="workloadUid">A workload with the wanted identity, placed on this node.</param>
    /// <param name="csr">PKCS#10 request in DER; only its public key counts.</param>
    /// <param name="cancellationToken">Cancels the request.</param>
    Task<IssuedCertificate> SignAsync(string workloadUid, ReadOnlyMemory<byte> csr, CancellationToken cancellationToken);
}

/// <summary>A signed certificate.</summary>
/// <param name="Chain">DER certificates, leaf first, without the root.</param>
/// <param name="NotBefore">Start of validity, UTC.</param>
/// <param name="NotAfter">End of validity, UTC.</param>
public sealed record IssuedCertificate(IReadOnlyList<byte[]> Chain, DateTimeOffset NotBefore, DateTimeOffset NotAfter);
