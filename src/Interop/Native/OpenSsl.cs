using System.Runtime.InteropServices;

namespace Culvert.Interop.Native;

/// <summary>
/// Declarations from OpenSSL 3 (libssl, libcrypto), one partial per header; names and constants keep their native spelling.
/// </summary>
/// <remarks>
/// Errors stand in a queue per thread. The wrappers drain it after every failure, so that it is empty before every call and
/// SSL_get_error can be trusted without a clearing call on the way of each byte.
/// </remarks>
internal static unsafe partial class OpenSsl
{
    internal const string Ssl = "libssl.so.3";
    internal const string Crypto = "libcrypto.so.3";

    // openssl/err.h

    /// <summary>Takes the oldest error from this thread's queue; 0 when it is empty.</summary>
    [LibraryImport(Crypto)]
    internal static partial ulong ERR_get_error();

    [LibraryImport(Crypto)]
    internal static partial void ERR_clear_error();

    [LibraryImport(Crypto)]
    internal static partial void ERR_error_string_n(ulong error, byte* buffer, nuint length);

    // openssl/crypto.h

    [LibraryImport(Crypto)]
    internal static partial byte* OpenSSL_version(int type);
}
