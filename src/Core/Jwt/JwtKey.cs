using System.Security.Cryptography;

namespace Culvert.Core;

/// <summary>A public key that tokens are checked with. Immutable; may be used by many threads: each check takes a handle of its own, of which one is kept.</summary>
public sealed record JwtKey
{
    private AsymmetricAlgorithm? _idle;

    /// <summary>Its name (<c>kid</c>); null: it has none.</summary>
    public string? KeyId { get; init; }

    /// <summary>The algorithms it is for; all of one kind of key.</summary>
    public EquatableArray<JwtAlgorithm> Algorithms { get; init; }

    /// <summary>The key, as SubjectPublicKeyInfo (RFC 5280, section 4.1).</summary>
    public EquatableArray<byte> PublicKey { get; init; }

    /// <inheritdoc/>
    public bool Equals(JwtKey? other) => other is not null && KeyId == other.KeyId && Algorithms == other.Algorithms && PublicKey == other.PublicKey;

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(KeyId, Algorithms, PublicKey.Count);

    /// <summary>Checks that it is one.</summary>
    /// <exception cref="FormatException">It can't be used for what it says that it is for.</exception>
    public void Validate()
    {
        if (Algorithms.IsEmpty || Algorithms.Items.Any(a => IsElliptic(a) != IsElliptic(Algorithms[0]))) throw new FormatException("a key is for algorithms of one kind of key");
        try
        {
            Return(Open());
        }
        catch (CryptographicException exception)
        {
            throw new FormatException($"a key can't be read: {exception.Message}", exception);
        }
    }

    /// <summary>A key that came without the algorithms it is for: all those of its kind.</summary>
    /// <param name="keyId">Its name.</param>
    /// <param name="publicKey">The key, as SubjectPublicKeyInfo.</param>
    /// <returns>Null when it is of a kind that tokens are not signed with.</returns>
    public static JwtKey? FromPublicKey(string keyId, ReadOnlySpan<byte> publicKey)
    {
        try
        {
            var key = System.Security.Cryptography.X509Certificates.PublicKey.CreateFromSubjectPublicKeyInfo(publicKey, out _);
            using ECDsa? elliptic = key.GetECDsaPublicKey();
            using RSA? rsa = key.GetRSAPublicKey();

            // Of curves by their name (RFC 7518, section 3.4): there are others of the same length.
            EquatableArray<JwtAlgorithm> algorithms = (elliptic?.ExportParameters(includePrivateParameters: false).Curve.Oid?.Value, rsa) switch
            {
                ("1.2.840.10045.3.1.7", _) => [JwtAlgorithm.ES256],
                ("1.3.132.0.34", _) => [JwtAlgorithm.ES384],
                ("1.3.132.0.35", _) => [JwtAlgorithm.ES512],
                (null, not null) => [JwtAlgorithm.RS256, JwtAlgorithm.RS384, JwtAlgorithm.RS512, JwtAlgorithm.PS256, JwtAlgorithm.PS384, JwtAlgorithm.PS512],
                _ => [],
            };
            return algorithms.IsEmpty ? null : new JwtKey { KeyId = keyId, Algorithms = algorithms, PublicKey = publicKey.ToArray().ToEquatableArray() };
        }
        catch (CryptographicException)
        {
            return null;
        }
    }

    /// <summary>Whether it has made a signature.</summary>
    /// <param name="algorithm">By which algorithm, of those it is for.</param>
    /// <param name="signed">What is signed.</param>
    /// <param name="signature">The signature.</param>
    internal bool HasSigned(JwtAlgorithm algorithm, ReadOnlySpan<byte> signed, ReadOnlySpan<byte> signature)
    {
        AsymmetricAlgorithm key = Interlocked.Exchange(ref _idle, null) ?? Open();
        bool isRight = key switch
        {
            ECDsa elliptic => elliptic.VerifyData(signed, signature, HashOf(algorithm), DSASignatureFormat.IeeeP1363FixedFieldConcatenation),
            RSA rsa => rsa.VerifyData(signed, signature, HashOf(algorithm), PaddingOf(algorithm)),
            _ => false,
        };
        Return(key);
        return isRight;
    }

    private static bool IsElliptic(JwtAlgorithm algorithm) => algorithm is JwtAlgorithm.ES256 or JwtAlgorithm.ES384 or JwtAlgorithm.ES512;

    private static RSASignaturePadding PaddingOf(JwtAlgorithm algorithm) => algorithm is JwtAlgorithm.PS256 or JwtAlgorithm.PS384 or JwtAlgorithm.PS512 ? RSASignaturePadding.Pss : RSASignaturePadding.Pkcs1;

    private static HashAlgorithmName HashOf(JwtAlgorithm algorithm) => algorithm switch
    {
        JwtAlgorithm.RS256 or JwtAlgorithm.PS256 or JwtAlgorithm.ES256 => HashAlgorithmName.SHA256,
        JwtAlgorithm.RS384 or JwtAlgorithm.PS384 or JwtAlgorithm.ES384 => HashAlgorithmName.SHA384,
        _ => HashAlgorithmName.SHA512,
    };

    private AsymmetricAlgorithm Open()
    {
        AsymmetricAlgorithm key = IsElliptic(Algorithms[0]) ? ECDsa.Create() : RSA.Create();
        try
        {
            key.ImportSubjectPublicKeyInfo(PublicKey.AsSpan(), out _);
            return key;
        }
        catch
        {
            key.Dispose();
            throw;
        }
    }

    private void Return(AsymmetricAlgorithm key) => Interlocked.Exchange(ref _idle, key)?.Dispose();
}
