using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Culvert.Protocol;

namespace Culvert.Controller.Nodes;

/// <summary>Verifies certificate chains against given roots and nothing else.</summary>
internal static class CertificateVerifier
{
    private const string ClientAuthentication = "1.3.6.1.5.5.7.3.2";

    /// <summary>The root that a client certificate leads to, in DER; null when it leads to none, or is not valid at <paramref name="at"/>.</summary>
    public static byte[]? FindRoot(X509Certificate2 certificate, X509Chain? presented, IEnumerable<ReadOnlyMemory<byte>> roots, DateTimeOffset at)
    {
        using X509Chain chain = new() { ChainPolicy = RootsPolicy.Create(roots, at) };
        chain.ChainPolicy.ApplicationPolicy.Add(new Oid(ClientAuthentication));
        if (presented is not null) chain.ChainPolicy.ExtraStore.AddRange(presented.ChainPolicy.ExtraStore);
        bool trusted = chain.Build(certificate);
        byte[]? found = trusted ? chain.ChainElements[^1].Certificate.RawData : null;
        foreach (X509ChainElement element in chain.ChainElements) element.Certificate.Dispose();
        foreach (X509Certificate2 root in chain.ChainPolicy.CustomTrustStore) root.Dispose();
        return found;
    }
}
