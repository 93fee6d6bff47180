namespace Culvert.Core;

/// <summary>The algorithms by which tokens may be signed (RFC 7518, section 3.1): those with a public key only. Neither <c>none</c> nor those with a shared secret are among them. Values are stable: they are sent.</summary>
public enum JwtAlgorithm
{
    /// <summary>RSASSA-PKCS1-v1_5 with SHA-256.</summary>
    RS256 = 1,

    /// <summary>RSASSA-PKCS1-v1_5 with SHA-384.</summary>
    RS384 = 2,

    /// <summary>RSASSA-PKCS1-v1_5 with SHA-512.</summary>
    RS512 = 3,

    /// <summary>RSASSA-PSS with SHA-256.</summary>
    PS256 = 4,

    /// <summary>RSASSA-PSS with SHA-384.</summary>
    PS384 = 5,

    /// <summary>RSASSA-PSS with SHA-512.</summary>
    PS512 = 6,

    /// <summary>ECDSA with P-256 and SHA-256.</summary>
    ES256 = 7,

    /// <summary>ECDSA with P-384 and SHA-384.</summary>
    ES384 = 8,

    /// <summary>ECDSA with P-521 and SHA-512.</summary>
    ES512 = 9,
}
