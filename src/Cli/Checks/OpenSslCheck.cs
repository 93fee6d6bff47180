using Culvert.Interop.Tls;

namespace Culvert.Cli.Checks;

/// <summary>Whether the installed OpenSSL is recent: an older one works, but costs CPU time and has no post-quantum key exchange.</summary>
internal static class OpenSslCheck
{
    public static IReadOnlyList<Finding> Run() => [Judge(OpenSslVersion.Current, TlsGroups.Offered)];

    /// <summary>Judges a version.</summary>
    /// <param name="version">The version of the library.</param>
    /// <param name="groups">The key exchange groups that this program offers with it, the first preferred.</param>
    public static Finding Judge(Version version, IReadOnlyList<string> groups) => version >= OpenSslVersion.Recommended
        ? Finding.Ok("openssl", $"OpenSSL {version}; key exchange groups: {string.Join(", ", groups)}")
        : Finding.Warning(
            "openssl",
            $"OpenSSL {version} has no post-quantum key exchange (X25519MLKEM768), and encrypts at a third of the speed of {OpenSslVersion.Recommended} on CPUs with AVX-512",
            $"install OpenSSL {OpenSslVersion.Recommended.ToString(2)} or later, as in Debian 13, or run the agent from its image");
}
