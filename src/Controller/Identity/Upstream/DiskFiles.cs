using System.Collections.Immutable;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Culvert.Protocol;

namespace Culvert.Controller.Identity.Upstream;

/// <summary>The files of an authority, read and found to fit together.</summary>
internal sealed class DiskFiles : IDisposable
{
    private readonly AsymmetricAlgorithm _key;

    private DiskFiles(X509Certificate2 certificate, AsymmetricAlgorithm key, X509SignatureGenerator signer, ImmutableArray<ReadOnlyMemory<byte>> above, UpstreamState state) =>
        (Certificate, _key, Signer, Above, State) = (certificate, key, signer, above, state);

    /// <summary>The authority's certificate.</summary>
    public X509Certificate2 Certificate { get; }

    /// <summary>Signs with its key.</summary>
    public X509SignatureGenerator Signer { get; }

    /// <summary>DER: what leads from it to a root, itself included, unless it is one.</summary>
    public ImmutableArray<ReadOnlyMemory<byte>> Above { get; }

    /// <summary>What it is.</summary>
    public UpstreamState State { get; }

    /// <summary>Reads the files' contents.</summary>
    /// <param name="options">Where they are, for messages.</param>
    /// <param name="certificatePem">The certificate, and what leads to a root.</param>
    /// <param name="openKey">Opens the key of a certificate.</param>
    /// <param name="rootsPem">The roots; null: the certificate is one.</param>
    /// <param name="now">When they have to be valid.</param>
    /// <exception cref="InvalidDataException">They can't be used; the message is a sentence.</exception>
    public static DiskFiles Read(DiskOptions options, string certificatePem, Func<X509Certificate2, AsymmetricAlgorithm> openKey, string? rootsPem, DateTimeOffset now)
    {
        List<X509Certificate2> chain = ReadCertificates(options.Certificate, certificatePem), roots = [];
        AsymmetricAlgorithm? key = null;
        try
        {
            X509Certificate2 own = chain[0];
            RequireAuthority(options.Certificate, own);
            key = openKey(own);
            X509SignatureGenerator signer = key is ECDsa signing ? X509SignatureGenerator.CreateForECDsa(signing) : X509SignatureGenerator.CreateForRSA((RSA)key, RSASignaturePadding.Pkcs1);
            roots = rootsPem is null ? [X509CertificateLoader.LoadCertificate(own.RawData)] : ReadCertificates(options.Roots!, rootsPem);
            for (int i = 0; i < roots.Count; i++) RequireRoot(options, rootsPem is null, i, roots[i]);
            ImmutableArray<ReadOnlyMemory<byte>> trusted = [.. roots.Select(r => (ReadOnlyMemory<byte>)r.RawData)], given = [.. chain.Select(c => (ReadOnlyMemory<byte>)c.RawData)];
            if (!RootsPath.TryFind(given, trusted, now, out _, out string? problem)) throw new InvalidDataException($"{options.Certificate} leads to no root of {options.Roots ?? options.Certificate}: {problem}.");
            HashSet<string> names = [.. trusted.Select(CertificateFingerprint.Of)];
            DiskFiles files = new(own, key, signer, [.. given.Where(c => !names.Contains(CertificateFingerprint.Of(c)))], new(trusted, CertificateFingerprint.Of(own.RawData)));
            (chain[0], key) = (X509CertificateLoader.LoadCertificate(own.RawData), null); // the files' now
            return files;
        }
        finally
        {
            key?.Dispose();
            foreach (X509Certificate2 certificate in chain.Concat(roots)) certificate.Dispose();
        }
    }

    public void Dispose()
    {
        Certificate.Dispose();
        _key.Dispose();
    }

    private static List<X509Certificate2> ReadCertificates(string path, string pem)
    {
        X509Certificate2Collection read = [];
        try
        {
            read.ImportFromPem(pem);
            PemFile.RequireWhole(pem, "CERTIFICATE", read.Count);
        }
        catch (CryptographicException e)
        {
            foreach (X509Certificate2 certificate in read) certificate.Dispose();
            throw new InvalidDataException($"{path} has something that is no certificate: {e.Message}", e);
        }
        return read.Count > 0 ? [.. read] : throw new InvalidDataException($"{path} has no certificate: it is read as PEM, with BEGIN CERTIFICATE.");
    }

    private static void RequireAuthority(string path, X509Certificate2 certificate)
    {
        try
        {
            AuthorityRules.Require(certificate);
        }
        catch (InvalidDataException e)
        {
            throw new InvalidDataException($"The first certificate of {path} ({certificate.Subject}) {e.Message}.", e);
        }
        if (certificate.Extensions.OfType<X509BasicConstraintsExtension>().First() is { HasPathLengthConstraint: true, PathLengthConstraint: 0 })
            throw new InvalidDataException($"The first certificate of {path} ({certificate.Subject}) may have no authority below it (its path length is 0), and the controller signs with one: have one with a path length of 1 or more issued.");
    }

    private static void RequireRoot(DiskOptions options, bool isOwn, int index, X509Certificate2 root)
    {
        if (root.SubjectName.RawData.AsSpan().SequenceEqual(root.IssuerName.RawData)) return;
        throw new InvalidDataException(isOwn
            ? $"{options.Certificate} is certified by '{root.Issuer}', so it is no root: name a file with the roots, by --upstream-roots."
            : $"Certificate {index + 1} of {options.Roots} ({root.Subject}) is no root, as '{root.Issuer}' has certified it: what leads to a root belongs into {options.Certificate}, after the authority's own.");
    }
}
