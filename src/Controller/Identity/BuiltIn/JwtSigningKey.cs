using System.Buffers.Text;
using System.Numerics;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Culvert.Core;

namespace Culvert.Controller.Identity.BuiltIn;

/// <summary>
/// The key that JWT-SVIDs are signed with while a root signs, ECDSA P-256 (ES256). It is derived from the root's by HKDF (RFC 5869), so that there is no further secret to be kept, shared between controllers, backed up and
/// replaced: it is known wherever the root's is, changes with it, and overlaps as roots do. Who knows it does not know the root's. For one caller at a time.
/// </summary>
internal sealed class JwtSigningKey : IDisposable
{
    private const int CoordinateBytes = 32;

    // 128 bits more than the order has, so that no remainder is likelier than another (FIPS 186-5, A.2.1).
    private const int WideBytes = CoordinateBytes + 16;

    // Of P-256 (FIPS 186-5, SP 800-186).
    private static readonly BigInteger Order = BigInteger.Parse("0FFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551", System.Globalization.NumberStyles.HexNumber, System.Globalization.CultureInfo.InvariantCulture);

    private readonly ECDsa _key;

    private JwtSigningKey(ECDsa key)
    {
        _key = key;
        byte[] spki = key.ExportSubjectPublicKeyInfo();
        Public = new JwtKey { KeyId = Base64Url.EncodeToString(SHA256.HashData(spki).AsSpan(0, 16)), Algorithms = [JwtAlgorithm.ES256], PublicKey = spki.ToEquatableArray() };
    }

    /// <summary>What its tokens are verified with.</summary>
    public JwtKey Public { get; }

    /// <summary>The key that belongs to a root; always the same.</summary>
    /// <param name="root">The root's key.</param>
    public static JwtSigningKey Of(ECDsa root)
    {
        ECParameters secret = root.ExportParameters(includePrivateParameters: true);
        Span<byte> wide = stackalloc byte[WideBytes];
        byte[] scalar = new byte[CoordinateBytes];
        try
        {
            HKDF.DeriveKey(HashAlgorithmName.SHA256, secret.D, wide, salt: [], info: "culvert jwt-svid es256 1"u8);
            BigInteger number = (new BigInteger(wide, isUnsigned: true, isBigEndian: true) % (Order - 1)) + 1;
            byte[] bytes = number.ToByteArray(isUnsigned: true, isBigEndian: true);
            bytes.CopyTo(scalar, CoordinateBytes - bytes.Length);
            CryptographicOperations.ZeroMemory(bytes);
            return new JwtSigningKey(ECDsa.Create(new ECParameters { Curve = ECCurve.NamedCurves.nistP256, D = scalar }));
        }
        finally
        {
            CryptographicOperations.ZeroMemory(secret.D);
            CryptographicOperations.ZeroMemory(wide);
            CryptographicOperations.ZeroMemory(scalar);
        }
    }

    /// <summary>Signs a token.</summary>
    /// <param name="identity">Whose.</param>
    /// <param name="audience">For whom it is meant.</param>
    /// <param name="issuedAt">When, in whole seconds.</param>
    /// <param name="expiresAt">When it ends, in whole seconds.</param>
    public IssuedJwt Sign(SpiffeId identity, IReadOnlyList<string> audience, DateTimeOffset issuedAt, DateTimeOffset expiresAt)
    {
        string signed = $"{Encode(WriteHeader)}.{Encode(WriteClaims)}";
        byte[] signature = _key.SignData(Encoding.ASCII.GetBytes(signed), HashAlgorithmName.SHA256, DSASignatureFormat.IeeeP1363FixedFieldConcatenation);
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
    public void Dispose() => _key.Dispose();

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
