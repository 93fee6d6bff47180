using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Culvert.Protocol.Spiffe;

/// <summary>Certificates and the keys that come beside them. Pure.</summary>
public static class CertificateKey
{
    /// <summary>A certificate with its key.</summary>
    /// <param name="leaf">The certificate.</param>
    /// <param name="pkcs8">The key in PKCS#8, unencrypted: RSA or of an elliptic curve.</param>
    /// <exception cref="CryptographicException">The key is not the certificate's, or of a kind that is not known.</exception>
    public static X509Certificate2 Join(X509Certificate2 leaf, ReadOnlySpan<byte> pkcs8)
    {
        ArgumentNullException.ThrowIfNull(leaf);
        try
        {
            if (leaf.GetRSAPublicKey() is { } rsaPublic)
            {
                rsaPublic.Dispose();
                using RSA rsa = RSA.Create();
                rsa.ImportPkcs8PrivateKey(pkcs8, out _);
                return leaf.CopyWithPrivateKey(rsa);
            }
            using ECDsa ec = ECDsa.Create();
            ec.ImportPkcs8PrivateKey(pkcs8, out _);
            return leaf.CopyWithPrivateKey(ec);
        }
        catch (ArgumentException e)
        {
            throw new CryptographicException("the key is not the certificate's", e);
        }
    }
}
