using Culvert.Interop.Native;

namespace Culvert.Interop.Tls;

/// <summary>The OpenSSL library that this process uses. Thread-safe.</summary>
public static class OpenSslVersion
{
    /// <summary>The first release with the key exchange group X25519MLKEM768 and with AES-GCM on AVX-512.</summary>
    public static readonly Version Recommended = new(3, 5, 0);

    /// <summary>Major, minor and patch number (OPENSSL_VERSION_NUMBER, 0xMNN00PP0).</summary>
    public static Version Current
    {
        get
        {
            ulong number = OpenSsl.OpenSSL_version_num();
            return new Version((int)(number >> 28), (int)(number >> 20) & 0xff, (int)(number >> 4) & 0xff);
        }
    }
}
