using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Culvert.Kubernetes.Configuration;

/// <summary>Reads certificates and keys. Keys stay in memory.</summary>
internal static class PemReader
{
    /// <summary>Reads the certificates of authorities.</summary>
    /// <exception cref="InvalidDataException">There is none, or one is broken.</exception>
    public static X509Certificate2Collection ReadAuthorities(string text)
    {
        var certificates = new X509Certificate2Collection();
        try
        {
            certificates.ImportFromPem(text);
        }
        catch (CryptographicException e)
        {
            throw new InvalidDataException($"holds a certificate that can't be read: {e.Message}", e);
        }
        return certificates.Count > 0 ? certificates : throw new InvalidDataException("holds no certificate in PEM");
    }

    /// <summary>Reads a certificate with its chain, and its key.</summary>
    /// <exception cref="InvalidDataException">They are broken, or the key is another's or has a password.</exception>
    public static ClientIdentity ReadIdentity(string certificate, string key)
    {
        X509Certificate2Collection chain = ReadAuthorities(certificate);
        try
        {
            X509Certificate2 leaf = X509Certificate2.CreateFromPem(certificate, key);
            chain[0].Dispose();
            chain.RemoveAt(0);
            return new ClientIdentity(leaf, chain);
        }
        catch (Exception e) when (e is CryptographicException or ArgumentException)
        {
            // The message quotes nothing of the key.
            throw new InvalidDataException($"the key does not fit the certificate, or can't be read: {e.Message}", e);
        }
    }
}
