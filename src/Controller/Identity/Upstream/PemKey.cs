using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Culvert.Controller.Identity.Upstream;

/// <summary>The key of an authority in a file. Pure.</summary>
internal static class PemKey
{
    /// <summary>Reads the key of a certificate.</summary>
    /// <param name="options">Where both are, for messages.</param>
    /// <param name="certificate">The certificate.</param>
    /// <param name="pem">The key.</param>
    /// <exception cref="InvalidDataException">It can't be used; the message is a sentence.</exception>
    public static AsymmetricAlgorithm Read(DiskOptions options, X509Certificate2 certificate, string pem)
    {
        if (pem.Contains("ENCRYPTED", StringComparison.Ordinal)) throw new InvalidDataException($"{options.Key} is encrypted, and the controller has no password: decrypt it, by `openssl pkey -in {options.Key} -out FILE`.");
        if (!pem.Contains("-----BEGIN ", StringComparison.Ordinal)) throw new InvalidDataException($"{options.Key} has no key: it is read as PEM, with BEGIN PRIVATE KEY; from DER it is made by `openssl pkey -inform DER -in {options.Key} -out FILE`.");
        AsymmetricAlgorithm key = AuthorityRules.IsOfCurve(options.Certificate, certificate) ? ECDsa.Create() : RSA.Create();
        try
        {
            key.ImportFromPem(pem);
            if (!key.ExportSubjectPublicKeyInfo().AsSpan().SequenceEqual(certificate.PublicKey.ExportSubjectPublicKeyInfo())) throw new InvalidDataException($"{options.Key} is not the key of {options.Certificate} ({certificate.Subject}).");
            return key;
        }
        catch (Exception e) when (e is CryptographicException or ArgumentException)
        {
            key.Dispose();
            throw new InvalidDataException($"{options.Key} has no key of the kind that {options.Certificate} has: {e.Message}", e);
        }
        catch
        {
            key.Dispose();
            throw;
        }
    }
}
