using System.Collections.Immutable;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Culvert.Controller.Files;

namespace Culvert.Controller.Identity;

/// <summary>Reads files of certificates. What can't be used is told as a failure of the authority whose they are.</summary>
internal static class PemFile
{
    private const int MostBytes = 1 << 20;

    /// <summary>A file's text.</summary>
    /// <exception cref="AuthorityException">It can't be read, or is far too long.</exception>
    public static async Task<string> ReadAsync(string path, CancellationToken cancellationToken)
    {
        try
        {
            return Encoding.UTF8.GetString(await BoundedFile.ReadAsync(path, MostBytes, cancellationToken));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or InvalidDataException)
        {
            throw new AuthorityException(AuthorityFailure.Misconfigured, $"{path} can't be read: {e.Message}", e);
        }
    }

    /// <summary>The roots of a file, in DER; one at least.</summary>
    /// <exception cref="AuthorityException">It can't be used.</exception>
    public static async Task<ImmutableArray<ReadOnlyMemory<byte>>> ReadRootsAsync(string path, CancellationToken cancellationToken)
    {
        string text = await ReadAsync(path, cancellationToken);
        try
        {
            ImmutableArray<ReadOnlyMemory<byte>> roots = Certificates(text);
            if (roots.IsEmpty) throw new AuthorityException(AuthorityFailure.Misconfigured, $"{path} has no certificate: it is read as PEM, with BEGIN CERTIFICATE.");
            int other = roots.ToList().FindIndex(r => !IsRoot(r));
            return other < 0 ? roots : throw new AuthorityException(AuthorityFailure.Misconfigured, $"Certificate {other + 1} of {path} is no root: another one has certified it.");
        }
        catch (CryptographicException e)
        {
            throw new AuthorityException(AuthorityFailure.Misconfigured, $"{path} has something that is no certificate: {e.Message}", e);
        }
    }

    /// <summary>Makes sure that nothing was passed over: a block that is half written has a beginning and no end.</summary>
    /// <param name="pem">The text.</param>
    /// <param name="label">What blocks are called.</param>
    /// <param name="read">How many were read of it.</param>
    /// <exception cref="CryptographicException">There are others.</exception>
    public static void RequireWhole(string pem, string label, int read)
    {
        int begun = pem.AsSpan().Count($"-----BEGIN {label}-----");
        if (begun != read) throw new CryptographicException($"{begun} blocks of {label} begin, and {read} can be read");
    }

    /// <summary>Whether a certificate is a root: nobody else has certified it.</summary>
    /// <exception cref="CryptographicException">It is no certificate.</exception>
    public static bool IsRoot(ReadOnlyMemory<byte> certificate)
    {
        using X509Certificate2 read = X509CertificateLoader.LoadCertificate(certificate.Span);
        return read.SubjectName.RawData.AsSpan().SequenceEqual(read.IssuerName.RawData);
    }

    /// <summary>The certificates of a text, in DER.</summary>
    /// <exception cref="CryptographicException">One is none.</exception>
    public static ImmutableArray<ReadOnlyMemory<byte>> Certificates(string pem)
    {
        X509Certificate2Collection read = [];
        try
        {
            read.ImportFromPem(pem);
            RequireWhole(pem, "CERTIFICATE", read.Count);
            return [.. read.Select(c => (ReadOnlyMemory<byte>)c.RawData)];
        }
        finally
        {
            foreach (X509Certificate2 certificate in read) certificate.Dispose();
        }
    }
}
