using System.Runtime.InteropServices;

namespace Culvert.Interop.Native;

// openssl/x509.h, x509_vfy.h, x509v3.h, evp.h, asn1.h
internal static unsafe partial class OpenSsl
{
    internal const int NID_subject_alt_name = 85;
    internal const int GEN_URI = 6;
    internal const ulong X509_V_FLAG_PARTIAL_CHAIN = 0x80000;

    /// <summary>Reads one certificate and moves the input on; 0 on failure.</summary>
    [LibraryImport(Crypto)]
    internal static partial nint d2i_X509(nint reuse, byte** input, nint length);

    [LibraryImport(Crypto)]
    internal static partial void X509_free(nint x509);

    [LibraryImport(Crypto)]
    internal static partial nint X509_STORE_new();

    [LibraryImport(Crypto)]
    internal static partial void X509_STORE_free(nint store);

    /// <summary>Takes its own reference on the certificate; adding one twice succeeds.</summary>
    [LibraryImport(Crypto)]
    internal static partial int X509_STORE_add_cert(nint store, nint x509);

    [LibraryImport(Crypto)]
    internal static partial int X509_STORE_set_flags(nint store, ulong flags);

    [LibraryImport(Crypto)]
    internal static partial byte* X509_verify_cert_error_string(nint code);

    /// <summary>The decoded extension, to be freed by its own type, or 0.</summary>
    [LibraryImport(Crypto)]
    internal static partial nint X509_get_ext_d2i(nint x509, int nid, int* critical, int* index);

    [LibraryImport(Crypto)]
    internal static partial nint X509_get0_notAfter(nint x509);

    /// <summary>An ASN1_INTEGER, which is an ASN1_STRING of the number's octets; never 0.</summary>
    [LibraryImport(Crypto)]
    internal static partial nint X509_get0_serialNumber(nint x509);

    /// <summary>What extensions say, as EXFLAG_ values; decodes them first.</summary>
    [LibraryImport(Crypto)]
    internal static partial uint X509_get_extension_flags(nint x509);

    /// <summary>The bits of keyUsage as KU_ values; all ones where there is no such extension.</summary>
    [LibraryImport(Crypto)]
    internal static partial uint X509_get_key_usage(nint x509);

    /// <summary>Length of the DER, which is written and the output moved on unless there is none; negative on failure.</summary>
    [LibraryImport(Crypto)]
    internal static partial int i2d_X509(nint x509, byte** output);

    [LibraryImport(Crypto)]
    internal static partial int ASN1_TIME_to_tm(nint time, BrokenDownTime* result);

    [LibraryImport(Crypto)]
    internal static partial int OPENSSL_sk_num(nint stack);

    [LibraryImport(Crypto)]
    internal static partial nint OPENSSL_sk_value(nint stack, int index);

    [LibraryImport(Crypto)]
    internal static partial nint OPENSSL_sk_new_null();

    /// <summary>How many there are then; 0 or less on failure.</summary>
    [LibraryImport(Crypto)]
    internal static partial int OPENSSL_sk_push(nint stack, nint value);

    /// <summary>Takes the last one off; 0 when there is none.</summary>
    [LibraryImport(Crypto)]
    internal static partial nint OPENSSL_sk_pop(nint stack);

    /// <summary>Frees the stack and not what is on it.</summary>
    [LibraryImport(Crypto)]
    internal static partial void OPENSSL_sk_free(nint stack);

    /// <summary>The certificate that is verified, without a reference of the caller's own.</summary>
    [LibraryImport(Crypto)]
    internal static partial nint X509_STORE_CTX_get0_cert(nint verification);

    /// <summary>Trusts what is on a stack (STACK_OF(X509)) in place of what is in the store. It has to outlive the verification.</summary>
    [LibraryImport(Crypto)]
    internal static partial void X509_STORE_CTX_set0_trusted_stack(nint verification, nint stack);

    /// <summary>1: verified.</summary>
    [LibraryImport(Crypto)]
    internal static partial int X509_verify_cert(nint verification);

    [LibraryImport(Crypto)]
    internal static partial void GENERAL_NAMES_free(nint names);

    [LibraryImport(Crypto)]
    internal static partial nint GENERAL_NAME_get0_value(nint name, int* type);

    [LibraryImport(Crypto)]
    internal static partial byte* ASN1_STRING_get0_data(nint text);

    [LibraryImport(Crypto)]
    internal static partial int ASN1_STRING_length(nint text);

    /// <summary>Reads a private key in PKCS#8 or the older forms; 0 on failure.</summary>
    [LibraryImport(Crypto)]
    internal static partial nint d2i_AutoPrivateKey(nint reuse, byte** input, nint length);

    [LibraryImport(Crypto)]
    internal static partial void EVP_PKEY_free(nint key);

    /// <summary>struct tm of glibc.</summary>
    internal struct BrokenDownTime
    {
        internal int Second;
        internal int Minute;
        internal int Hour;
        internal int Day;
        internal int Month;
        internal int Year;
        internal int WeekDay;
        internal int YearDay;
        internal int IsDst;
        internal nint GmtOffset;
        internal byte* Zone;
    }
}
