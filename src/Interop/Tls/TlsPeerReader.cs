using System.Text;
using Culvert.Interop.Native;

namespace Culvert.Interop.Tls;

/// <summary>Takes names and dates out of an X509 object.</summary>
internal static unsafe class TlsPeerReader
{
    // EXFLAG_CA, and X509_get_key_usage without the extension (openssl/x509v3.h).
    private const uint IsAuthority = 0x10, NoUsage = uint.MaxValue;

    /// <summary>Reads a certificate and the chain (STACK_OF(X509)) by which it was verified; 0 for none.</summary>
    internal static TlsPeer Read(nint x509, nint chain)
    {
        DateTimeOffset notAfter = ReadTime(OpenSsl.X509_get0_notAfter(x509));
        TlsAnchor anchor = new("");
        List<byte[]> serials = [ReadSerial(x509)];
        int length = chain == 0 ? 0 : OpenSsl.OPENSSL_sk_num(chain);
        for (int i = 0; i < length; i++)
        {
            nint link = OpenSsl.OPENSSL_sk_value(chain, i);
            DateTimeOffset end = ReadTime(OpenSsl.X509_get0_notAfter(link));
            if (end < notAfter) notAfter = end;
            if (i == length - 1) anchor = TlsAnchor.Of(ReadDer(link));
            else if (i > 0) serials.Add(ReadSerial(link));
        }

        bool isAuthority = (OpenSsl.X509_get_extension_flags(x509) & IsAuthority) != 0;
        uint usage = OpenSsl.X509_get_key_usage(x509);
        return new TlsPeer(ReadUris(x509), notAfter, anchor, isAuthority, usage == NoUsage ? TlsKeyUsage.None : (TlsKeyUsage)(usage & (uint)TlsKeyUsage.All), serials);
    }

    private static byte[] ReadSerial(nint x509)
    {
        nint serial = OpenSsl.X509_get0_serialNumber(x509);
        return new ReadOnlySpan<byte>(OpenSsl.ASN1_STRING_get0_data(serial), OpenSsl.ASN1_STRING_length(serial)).ToArray();
    }

    private static byte[] ReadDer(nint x509)
    {
        int length = OpenSsl.i2d_X509(x509, null);
        if (length <= 0) throw TlsException.FromQueue("encode a certificate");
        byte[] der = new byte[length];
        fixed (byte* start = der)
        {
            byte* output = start;
            _ = OpenSsl.i2d_X509(x509, &output);
        }

        return der;
    }

    /// <summary>The URI names of a certificate, in order; bytes that are no ASCII stand for themselves, and so are of no name that is expected.</summary>
    internal static List<string> ReadUris(nint x509)
    {
        List<string> uris = [];
        nint names = OpenSsl.X509_get_ext_d2i(x509, OpenSsl.NID_subject_alt_name, null, null);
        if (names == 0)
        {
            OpenSsl.ERR_clear_error();
            return uris;
        }

        try
        {
            int count = OpenSsl.OPENSSL_sk_num(names);
            for (int i = 0; i < count; i++)
            {
                int type;
                nint value = OpenSsl.GENERAL_NAME_get0_value(OpenSsl.OPENSSL_sk_value(names, i), &type);
                if (type != OpenSsl.GEN_URI || value == 0) continue;
                // Latin-1 keeps every byte apart: a NUL or a byte above 127 can't be mistaken for the end or for another letter.
                uris.Add(Encoding.Latin1.GetString(OpenSsl.ASN1_STRING_get0_data(value), OpenSsl.ASN1_STRING_length(value)));
            }
        }
        finally
        {
            OpenSsl.GENERAL_NAMES_free(names);
        }

        return uris;
    }

    // A time that can't be read is long past: such a certificate counts as expired.
    private static DateTimeOffset ReadTime(nint asn1)
    {
        OpenSsl.BrokenDownTime time;
        if (OpenSsl.ASN1_TIME_to_tm(asn1, &time) != 1)
        {
            OpenSsl.ERR_clear_error();
            return DateTimeOffset.MinValue;
        }

        return new DateTimeOffset(time.Year + 1900, time.Month + 1, time.Day, time.Hour, time.Minute, Math.Min(time.Second, 59), TimeSpan.Zero);
    }
}
