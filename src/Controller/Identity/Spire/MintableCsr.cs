using System.Formats.Asn1;
using System.Globalization;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Culvert.Controller.Identity.Spire;

/// <summary>
/// What a request asks to be signed, for authorities that sign it as it is: SPIRE's MintX509SVID takes the URI, the DNS names and the subject out of it, so whoever has made it would choose all of them. Pure.
/// </summary>
internal static class MintableCsr
{
    private const string SubjectAlternativeName = "2.5.29.17";
    private const string OwnSubject = "O=Culvert";
    private static readonly byte[][] Subjects = [new X500DistinguishedName("").RawData, new X500DistinguishedName(OwnSubject).RawData];
    private static readonly Asn1Tag Dns = new(TagClass.ContextSpecific, 2);
    private static readonly Asn1Tag Uri = new(TagClass.ContextSpecific, 6);

    /// <summary>Makes sure that the CSR of a request asks for the identity and the names that the request has, and for nothing else.</summary>
    /// <exception cref="AuthorityException">It asks for others, or for more. Where it names no identity at all, the exception says which to name.</exception>
    public static void Require(SigningRequest request)
    {
        List<string> uris = [], names = [];
        CertificateRequest csr = Load(request.Csr);
        if (!Subjects.Any(s => s.AsSpan().SequenceEqual(csr.SubjectName.RawData))) throw Refused($"has a subject; none and '{OwnSubject}' are taken");
        foreach (X509Extension extension in csr.CertificateExtensions)
        {
            if (extension.Oid?.Value != SubjectAlternativeName) throw Refused($"asks for the extension {extension.Oid?.Value}; names only are taken");
            Read(extension, uris, names);
        }
        if (uris.Count == 0)
            throw new AuthorityException(AuthorityFailure.InvalidRequest, $"The CSR names no identity, and SPIRE's MintX509SVID signs what a CSR names: this one has to name {request.Identity} as its URI.") { IdentityToName = request.Identity };
        if (uris is not [string uri] || uri != request.Identity.ToString()) throw Refused($"names {string.Join(" and ", uris)}; {request.Identity} is certified, and nothing else");
        if (names.Except(request.DnsNames.Select(n => new IdnMapping().GetAscii(n)), StringComparer.Ordinal).FirstOrDefault() is { } name) throw Refused($"asks for the DNS name '{name}', which is not {request.Identity}'s");
    }

    private static CertificateRequest Load(ReadOnlyMemory<byte> csr)
    {
        try
        {
            return CertificateRequest.LoadSigningRequest(
                csr.Span, HashAlgorithmName.SHA256, out _, CertificateRequestLoadOptions.UnsafeLoadCertificateExtensions | CertificateRequestLoadOptions.SkipSignatureValidation);
        }
        catch (CryptographicException e)
        {
            throw new AuthorityException(AuthorityFailure.InvalidRequest, $"The CSR is not valid: {e.Message}", e);
        }
    }

    private static void Read(X509Extension extension, List<string> uris, List<string> names)
    {
        try
        {
            AsnReader all = new AsnReader(extension.RawData, AsnEncodingRules.DER).ReadSequence();
            while (all.HasData)
            {
                Asn1Tag tag = all.PeekTag();
                if (tag.HasSameClassAndValue(Uri)) uris.Add(all.ReadCharacterString(UniversalTagNumber.IA5String, Uri));
                else if (tag.HasSameClassAndValue(Dns)) names.Add(all.ReadCharacterString(UniversalTagNumber.IA5String, Dns));
                else throw Refused("asks for a name that is neither a URI nor a DNS name");
            }
        }
        catch (AsnContentException e)
        {
            throw new AuthorityException(AuthorityFailure.InvalidRequest, $"The names in the CSR are damaged: {e.Message}", e);
        }
    }

    private static AuthorityException Refused(string why) => new(AuthorityFailure.InvalidRequest, $"The CSR {why}.");
}
