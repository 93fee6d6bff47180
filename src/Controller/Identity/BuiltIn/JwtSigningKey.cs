using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Culvert.Core;

namespace Culvert.Controller.Identity.BuiltIn;

/// <summary>
/// The key that JWT-SVIDs are signed with while a root signs, ECDSA P-256 (ES256). It is derived from the root's by HKDF (RFC 5869), so that there is no further secret to be kept, shared between controllers, backed up and
/// replaced: it is known wherever the root's is, changes with it, and overlaps as roots do. Who knows it does not know the root's. Safe for any number of threads, of which one signs at a time.
/// </summary>
internal sealed class JwtSigningKey : IDisposable
{
    private const int ScalarBytes = 32;

    // One candidate in four thousand million is no number of the curve's.
    private const int MostCandidates = 8;

    private readonly ECDsa _key;
    private readonly Lock _lock = new();
    private bool _isDisposed;

    private JwtSigningKey(ECDsa key)
    {
        _key = key;
        byte[] spki = key.ExportSubjectPublicKeyInfo();
        Public = new JwtKey { KeyId = Base64Url.EncodeToString(SHA256.HashData(spki).AsSpan(0, 16)), Algorithms = [JwtAlgorithm.ES256], PublicKey = spki.ToEquatableArray() };
    }

    /// <summary>What its tokens are verified with.</summary>
    public JwtKey Public { get; }

    // The order of P-256 (FIPS 186-5, SP 800-186): a private key is less, and more than 0.
    private static ReadOnlySpan<byte> Order =>
    [
        0xFF, 0xFF, 0xFF, 0xFF, 0x00, 0x00, 0x00, 0x00, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xBC, 0xE6, 0xFA, 0xAD, 0xA7, 0x17, 0x9E, 0x84, 0xF3, 0xB9, 0xCA, 0xC2, 0xFC, 0x63, 0x25, 0x51,
    ];

    /// <summary>The key that belongs to a root; always the same. Candidates are drawn until one is a number of the curve's (FIPS 186-5, A.2.2), which in all likelihood the first is.</summary>
    /// <param name="root">The root's key.</param>
    public static JwtSigningKey Of(ECDsa root)
    {
        ECParameters secret = root.ExportParameters(includePrivateParameters: true);
        byte[] scalar = GC.AllocateUninitializedArray<byte>(ScalarBytes, pinned: true);
        try
        {
            for (byte i = 0; i < MostCandidates; i++)
            {
                HKDF.DeriveKey(HashAlgorithmName.SHA256, secret.D, scalar, salt: [], info: [.. "culvert jwt-svid es256 "u8, i]);
                if (scalar.AsSpan().SequenceCompareTo(Order) < 0 && scalar.AsSpan().ContainsAnyExcept((byte)0)) return new JwtSigningKey(ECDsa.Create(new ECParameters { Curve = ECCurve.NamedCurves.nistP256, D = scalar }));
            }
            throw new CryptographicException("no key for tokens can be derived from the root's");
        }
        finally
        {
            CryptographicOperations.ZeroMemory(secret.D);
            CryptographicOperations.ZeroMemory(scalar);
        }
    }

    /// <summary>Signs a token.</summary>
    /// <param name="identity">Whose.</param>
    /// <param name="audience">For whom it is meant.</param>
    /// <param name="issuedAt">When, in whole seconds.</param>
    /// <param name="expiresAt">When it ends, in whole seconds.</param>
    /// <returns>Null when it has been disposed of, as the root is gone.</returns>
    public IssuedJwt? TrySign(SpiffeId identity, IReadOnlyList<string> audience, DateTimeOffset issuedAt, DateTimeOffset expiresAt)
    {
        string signed = $"{Encode(WriteHeader)}.{Encode(WriteClaims)}";
        byte[] signature;
        lock (_lock)
        {
            if (_isDisposed) return null;
            signature = _key.SignData(Encoding.ASCII.GetBytes(signed), HashAlgorithmName.SHA256, DSASignatureFormat.IeeeP1363FixedFieldConcatenation);
        }
        return new IssuedJwt($"{signed}.{Base64Url.EncodeToString(signature)}", issuedAt, expiresAt);

        void WriteHeader(Utf8JsonWriter writer)
        {
            writer.WriteString("alg"u8, nameof(JwtAlgorithm.ES256));
            writer.WriteString("kid"u8, Public.KeyId);
            writer.WriteString("typ"u8, "JWT"u8);
        }

        void WriteClaims(Utf8JsonWriter writer)
        {
            writer.WriteStartArray("aud"u8);
            foreach (string name in audience) writer.WriteStringValue(name);
            writer.WriteEndArray();
            writer.WriteNumber("exp"u8, expiresAt.ToUnixTimeSeconds());
            writer.WriteNumber("iat"u8, issuedAt.ToUnixTimeSeconds());
            writer.WriteString("sub"u8, identity.ToString());
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        lock (_lock)
        {
            _isDisposed = true;
            _key.Dispose();
        }
    }

    private static string Encode(Action<Utf8JsonWriter> members)
    {
        using MemoryStream text = new();
        using (Utf8JsonWriter writer = new(text))
        {
            writer.WriteStartObject();
            members(writer);
            writer.WriteEndObject();
        }
        return Base64Url.EncodeToString(text.GetBuffer().AsSpan(0, (int)text.Length));
    }
}
