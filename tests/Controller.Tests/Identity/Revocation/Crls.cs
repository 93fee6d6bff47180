using System.Formats.Asn1;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Culvert.Controller.Tests.Identity.Upstream;
using Culvert.Core;

namespace Culvert.Controller.Tests.Identity.Revocation;

/// <summary>Revocation lists as .NET makes them.</summary>
internal static class Crls
{
    /// <summary>A list of an authority, in DER.</summary>
    public static byte[] Make(CaFiles issuer, IEnumerable<string> serials, HashAlgorithmName? hash = null, DateTimeOffset? next = null, DateTimeOffset? issued = null)
    {
        CertificateRevocationListBuilder builder = new();
        foreach (string serial in serials) builder.AddEntry(Convert.FromHexString(serial), DateTimeOffset.UtcNow, X509RevocationReason.KeyCompromise);
        using X509Certificate2 signing = issuer.Key is RSA rsa ? issuer.Certificate.CopyWithPrivateKey(rsa) : issuer.Certificate.CopyWithPrivateKey((ECDsa)issuer.Key);
        return builder.Build(signing, 1, next ?? DateTimeOffset.UtcNow.AddDays(7), hash ?? HashAlgorithmName.SHA256, issuer.Key is RSA ? RSASignaturePadding.Pkcs1 : null, issued);
    }

    /// <summary>The same of whoever has a certificate, and with any serial numbers: .NET makes such for nobody.</summary>
    public static byte[] Unchecked(CaFiles issuer, IReadOnlyList<string> serials)
    {
        AsnWriter list = new(AsnEncodingRules.DER);
        using (list.PushSequence())
        {
            list.WriteInteger(1);
            WriteAlgorithm(list);
            list.WriteEncodedValue(issuer.Certificate.SubjectName.RawData);
            list.WriteUtcTime(DateTimeOffset.UtcNow);
            using (list.PushSequence())
            {
                foreach (string serial in serials)
                {
                    using (list.PushSequence())
                    {
                        list.WriteInteger(Convert.FromHexString(serial));
                        list.WriteUtcTime(DateTimeOffset.UtcNow);
                    }
                }
            }
        }
        byte[] signed = list.Encode();
        AsnWriter whole = new(AsnEncodingRules.DER);
        using (whole.PushSequence())
        {
            whole.WriteEncodedValue(signed);
            WriteAlgorithm(whole);
            whole.WriteBitString(((ECDsa)issuer.Key).SignData(signed, HashAlgorithmName.SHA256, DSASignatureFormat.Rfc3279DerSequence));
        }
        return whole.Encode();
    }

    private static void WriteAlgorithm(AsnWriter writer)
    {
        using (writer.PushSequence()) writer.WriteObjectIdentifier("1.2.840.10045.4.3.2");
    }

    public static string Pem(byte[] list) => PemEncoding.WriteString("X509 CRL", list) + "\n";

    public static CertificateSerial Serial(string text) => CertificateSerial.TryParse(text, out CertificateSerial serial, out string? error) ? serial : throw new FormatException(error);
}
