namespace Culvert.Protocol;

/// <summary>What keys of certificates are for (RFC 5280, section 4.2.1.12).</summary>
public static class KeyPurposes
{
    /// <summary>Servers of TLS.</summary>
    public const string ServerAuthentication = "1.3.6.1.5.5.7.3.1";

    /// <summary>Clients of TLS.</summary>
    public const string ClientAuthentication = "1.3.6.1.5.5.7.3.2";
}
