using System.Runtime.InteropServices;

namespace Culvert.Interop.Native;

/// <summary>
/// Declarations from OpenSSL 3 (libssl, libcrypto), one partial per header; names and constants keep their native spelling.
/// </summary>
/// <remarks>
/// Errors stand in a queue per thread, and SSL_get_error takes any that stands there for one of the call before. The wrappers drain it after every failure of theirs; but the runtime's cryptography
/// shares it, and leaves errors there, as of a signature that is wrong. <see cref="ForgetErrors"/> comes before each call whose result SSL_get_error is asked about.
/// </remarks>
internal static unsafe partial class OpenSsl
{
    internal const string Ssl = "libssl.so.3";
    internal const string Crypto = "libcrypto.so.3";

    // openssl/crypto.h

    /// <summary>The version as 0xMNN00PP0: major, minor, patch.</summary>
    [LibraryImport(Crypto)]
    internal static partial ulong OpenSSL_version_num();

    // openssl/err.h

    /// <summary>Takes the oldest error from this thread's queue; 0 when it is empty.</summary>
    [LibraryImport(Crypto)]
    internal static partial ulong ERR_get_error();

    /// <summary>The oldest error of this thread's queue, which stays there; 0 when it is empty.</summary>
    [LibraryImport(Crypto)]
    [SuppressGCTransition]
    internal static partial ulong ERR_peek_error();

    [LibraryImport(Crypto)]
    internal static partial void ERR_clear_error();

    /// <summary>Empties this thread's queue. Where it is empty already, as nearly always, that costs some nanoseconds.</summary>
    internal static void ForgetErrors()
    {
        if (ERR_peek_error() != 0) ERR_clear_error();
    }

    [LibraryImport(Crypto)]
    internal static partial void ERR_error_string_n(ulong error, byte* buffer, nuint length);

    // openssl/provider.h, openssl/evp.h

    [LibraryImport(Crypto, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial int OSSL_PROVIDER_available(nint libctx, string name);

    [LibraryImport(Crypto)]
    internal static partial int EVP_default_properties_enable_fips(nint libctx, int enable);

    [LibraryImport(Crypto)]
    internal static partial int EVP_default_properties_is_fips_enabled(nint libctx);

    // openssl/bio.h

    internal const int BIO_NOCLOSE = 0;
    internal const int BIO_CTRL_FLUSH = 11;
    internal const int BIO_C_SET_BUFF_SIZE = 117;
    internal const int BIO_FLAGS_SHOULD_RETRY = 8;

    /// <summary>A BIO over a socket, or 0.</summary>
    [LibraryImport(Crypto)]
    internal static partial nint BIO_new_socket(int fd, int closeFlag);

    [LibraryImport(Crypto)]
    internal static partial nint BIO_f_buffer();

    [LibraryImport(Crypto)]
    internal static partial nint BIO_new(nint method);

    [LibraryImport(Crypto)]
    internal static partial int BIO_up_ref(nint bio);

    [LibraryImport(Crypto)]
    internal static partial int BIO_free(nint bio);

    /// <summary>Puts <paramref name="next"/> behind the first; the chain owns it from then on.</summary>
    [LibraryImport(Crypto)]
    internal static partial nint BIO_push(nint bio, nint next);

    [LibraryImport(Crypto)]
    internal static partial nint BIO_int_ctrl(nint bio, int command, nint number, int which);

    /// <summary>For BIO_CTRL_FLUSH: more than 0 when all is written; otherwise BIO_test_flags says whether to try again.</summary>
    [LibraryImport(Crypto, SetLastError = true)]
    internal static partial nint BIO_ctrl(nint bio, int command, nint number, void* pointer);

    [LibraryImport(Crypto)]
    internal static partial int BIO_test_flags(nint bio, int flags);

    /// <summary>Bytes that the BIO has read since it was made; it only looks at a field.</summary>
    [LibraryImport(Crypto)]
    [SuppressGCTransition]
    internal static partial ulong BIO_number_read(nint bio);
}
