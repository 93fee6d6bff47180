namespace Culvert.Interop.Tls;

/// <summary>What a certificate's key is for, of what matters here (RFC 5280, section 4.2.1.3); the values are OpenSSL's (KU_).</summary>
[Flags]
public enum TlsKeyUsage
{
    /// <summary>None of the following.</summary>
    None = 0,

    /// <summary>To sign revocation lists.</summary>
    SignsRevocations = 0x02,

    /// <summary>To sign certificates.</summary>
    SignsCertificates = 0x04,

    /// <summary>To sign anything else, such as a handshake.</summary>
    DigitalSignature = 0x80,

    /// <summary>All of them.</summary>
    All = SignsRevocations | SignsCertificates | DigitalSignature,
}
