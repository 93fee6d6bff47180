using System.Collections.Immutable;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;

namespace Culvert.Controller.Identity.Revocation;

/// <summary>Reads a file of revocation lists: one in DER, or any number in PEM, with the certificates of issuers that are no roots. Pure.</summary>
internal static class RevocationListFile
{
    private const string ListLabel = "X509 CRL", CertificateLabel = "CERTIFICATE";
    private const byte DerSequence = 0x30;

    // Each list is tried with each certificate of its issuer's name.
    private const int Most = 64;

    /// <summary>The lists of a file, each of them signed by a root or by who leads to one.</summary>
    /// <param name="content">The file's content.</param>
    /// <param name="roots">DER of the roots.</param>
    /// <param name="now">When issuers have to be valid.</param>
    /// <exception cref="InvalidDataException">There is none, or one can't be taken; the message completes a sentence that begins with the file.</exception>
    public static ImmutableArray<RevocationList> Read(ReadOnlyMemory<byte> content, ImmutableArray<ReadOnlyMemory<byte>> roots, DateTimeOffset now)
    {
        try
        {
            return ReadAll(content, roots, now);
        }
        catch (CryptographicException e)
        {
            throw new InvalidDataException($"has something that can't be read: {e.Message}", e);
        }
    }

    private static ImmutableArray<RevocationList> ReadAll(ReadOnlyMemory<byte> content, ImmutableArray<ReadOnlyMemory<byte>> roots, DateTimeOffset now)
    {
        (List<ReadOnlyMemory<byte>> encoded, List<ReadOnlyMemory<byte>> issuers) = !content.IsEmpty && content.Span[0] == DerSequence ? ([content], []) : ReadPem(Encoding.Latin1.GetString(content.Span));
        if (encoded.Count > Most || issuers.Count > Most) throw new InvalidDataException($"has {encoded.Count} lists and {issuers.Count} certificates; {Most} of each are the most");
        if (encoded.Count == 0) throw new InvalidDataException("has no revocation list: it is read as DER, or as PEM with BEGIN X509 CRL");
        ImmutableArray<RevocationList>.Builder lists = ImmutableArray.CreateBuilder<RevocationList>(encoded.Count);
        for (int i = 0; i < encoded.Count; i++)
        {
            try
            {
                RevocationList list = RevocationList.Read(encoded[i]);
                RequireIssuer(list, roots, issuers, now);
                lists.Add(list);
            }
            catch (InvalidDataException e)
            {
                throw new InvalidDataException(encoded.Count == 1 ? e.Message : $"(list {i + 1} of {encoded.Count}) {e.Message}", e);
            }
        }
        return lists.ToImmutable();
    }

    private static (List<ReadOnlyMemory<byte>> Lists, List<ReadOnlyMemory<byte>> Certificates) ReadPem(string text)
    {
        List<ReadOnlyMemory<byte>> lists = [], certificates = [];
        ReadOnlySpan<char> rest = text;
        while (PemEncoding.TryFind(rest, out PemFields fields))
        {
            ReadOnlySpan<char> label = rest[fields.Label];
            if (label is ListLabel or CertificateLabel) (label is ListLabel ? lists : certificates).Add(Convert.FromBase64String(rest[fields.Base64Data].ToString()));
            rest = rest[fields.Location.End..];
        }
        PemFile.RequireWhole(text, ListLabel, lists.Count);
        PemFile.RequireWhole(text, CertificateLabel, certificates.Count);
        return (lists, certificates);
    }

    private static void RequireIssuer(RevocationList list, ImmutableArray<ReadOnlyMemory<byte>> roots, List<ReadOnlyMemory<byte>> others, DateTimeOffset now)
    {
        if (roots.Any(r => IsBy(list, r))) return;
        bool isNamed = false;
        foreach (ReadOnlyMemory<byte> issuer in others.Where(c => IsBy(list, c)))
        {
            isNamed = true;
            if (RootsPath.TryFind([issuer, .. others], roots, now, out _, out _)) return;
        }
        throw new InvalidDataException(isNamed
            ? $"is of '{list.Issuer.Name}', which leads to no root of the mesh"
            : $"is of '{list.Issuer.Name}', and no root of the mesh that may issue lists has signed it: put its issuer's certificate, and what leads from there to a root, into the file, too");
    }

    private static bool IsBy(RevocationList list, ReadOnlyMemory<byte> certificate)
    {
        using X509Certificate2 read = X509CertificateLoader.LoadCertificate(certificate.Span);
        return list.IsBy(read);
    }
}
