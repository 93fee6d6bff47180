using Culvert.Interop.Native;

namespace Culvert.Interop;

/// <summary>
/// Whether cryptography is of OpenSSL's FIPS provider alone (fips_module(7)): of the whole process, what the runtime does for itself included. OpenSSL's configuration can have it so, too. Safe for any number of threads.
/// </summary>
public static class FipsMode
{
    private const string Provider = "fips";

    /// <summary>Whether it is.</summary>
    public static bool IsOn => OpenSsl.EVP_default_properties_is_fips_enabled(0) == 1;

    /// <summary>Has it so from now on; before anything that encrypts or signs is made.</summary>
    /// <exception cref="InvalidOperationException">OpenSSL has not loaded that provider, which needs its configuration; the message is for whoever starts the process.</exception>
    public static void Require()
    {
        if (OpenSsl.OSSL_PROVIDER_available(0, Provider) != 1)
        {
            throw new InvalidOperationException(
                "--fips: OpenSSL has no FIPS provider that is active: have its module installed (`openssl fipsinstall`), and a configuration that activates the providers fips and base, in OPENSSL_CONF (`openssl list -providers` shows them)");
        }
        if (OpenSsl.EVP_default_properties_enable_fips(0, 1) != 1) throw new InvalidOperationException("--fips: OpenSSL does not use its FIPS provider");
    }
}
