using System.Diagnostics.CodeAnalysis;
using System.Formats.Asn1;
using System.Security.Cryptography.X509Certificates;
using Culvert.Core;

namespace Culvert.Protocol;

/// <summary>Reads the identity in an X.509-SVID.</summary>
public static class SvidReader
{
    private const string SubjectAlternativeName = "2.5.29.17";
    private static readonly Asn1Tag Uri = new(TagClass.ContextSpecific, 6);

    /// <summary>The SPIFFE ID of a certificate; false unless it has exactly one URI name and that is a valid SPIFFE ID (X.509-SVID, section 2).</summary>
    public static bool TryRead(X509Certificate2 certificate, [NotNullWhen(true)] out SpiffeId? id)
    {
        ArgumentNullException.ThrowIfNull(certificate);
        id = null;
        X509Extension? extension = certificate.Extensions.FirstOrDefault(e => e.Oid?.Value == SubjectAlternativeName);
        if (extension is null) return false;
        try
        {
            string? uri = null;
            AsnReader names = new AsnReader(extension.RawData, AsnEncodingRules.DER).ReadSequence();
            while (names.HasData)
            {
                if (!names.PeekTag().HasSameClassAndValue(Uri))
                {
                    names.ReadEncodedValue();
                    continue;
                }
                if (uri is not null) return false;
                uri = names.ReadCharacterString(UniversalTagNumber.IA5String, Uri);
            }
            return SpiffeId.TryParse(uri, out id);
        }
        catch (AsnContentException)
        {
            return false;
        }
    }
}
