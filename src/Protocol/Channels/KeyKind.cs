using System.Security.Cryptography;

namespace Culvert.Protocol;

/// <summary>Kinds of keys that certificates of a mesh are made for. All peers take all of them; Ed25519 is not among them, as many clients of TLS do not (RFC 8446, 9.1).</summary>
public enum KeyKind
{
    /// <summary>ECDSA, P-256: small, and the fastest to sign with.</summary>
    P256,

    /// <summary>ECDSA, P-384.</summary>
    P384,

    /// <summary>RSA, 2048 bits.</summary>
    Rsa2048,

    /// <summary>RSA, 4096 bits: seconds of processor time for a key.</summary>
    Rsa4096,
}

/// <summary>Makes keys.</summary>
public static class KeyKinds
{
    /// <summary>A new key, the caller's to dispose of.</summary>
    public static AsymmetricAlgorithm CreateKey(this KeyKind kind) => kind switch
    {
        KeyKind.P256 => ECDsa.Create(ECCurve.NamedCurves.nistP256),
        KeyKind.P384 => ECDsa.Create(ECCurve.NamedCurves.nistP384),
        KeyKind.Rsa2048 => RSA.Create(2048),
        KeyKind.Rsa4096 => RSA.Create(4096),
        _ => throw new ArgumentOutOfRangeException(nameof(kind), kind, "There is no such kind of key."),
    };
}
