using System.Security.Cryptography.X509Certificates;
using Culvert.Protocol;

namespace Culvert.Controller.Nodes;

/// <summary>Verifies certificate chains against given roots and nothing else.</summary>
internal static class CertificateVerifier
{
    /// <summary>The root that a client certificate leads to, in DER; null when it leads to none, or is not valid at <paramref name="at"/>.</summary>
    public static byte[]? FindRoot(X509Certificate2 certificate, X509Chain? presented, IEnumerable<ReadOnlyMemory<byte>> roots, DateTimeOffset at)
    {
        using RootsChain chain = new(roots, at, KeyPurposes.ClientAuthentication);
        if (presented is not null) chain.Add(presented.ChainPolicy.ExtraStore);
        return chain.Build(certificate) ? chain.Elements[^1].Certificate.RawData : null;
    }
}
