using System.Buffers;
using System.Buffers.Text;
using System.Collections.Immutable;
using System.Formats.Asn1;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Unicode;
using Culvert.Protocol;

namespace Culvert.Controller.Identity.Federation;

/// <summary>
/// The bundle of a trust domain as SPIFFE has it told (SPIFFE Trust Domain and Bundle, section 4): a set of JSON Web Keys. It does not say of which trust domain it is; whoever reads it knows by whom it was asked for. Immutable.
/// </summary>
internal sealed record BundleDocument
{
    /// <summary>Most bytes of a document.</summary>
    public const int MostBytes = 1 << 20;

    /// <summary>Most keys of a document, of whatever use.</summary>
    public const int MostKeys = 1024;

    /// <summary>Most roots that can be in force, those that have ended aside: each node has all of them.</summary>
    public const int MostRoots = 64;

    /// <summary>Most bytes of them, in DER.</summary>
    public const int MostRootBytes = 128 * 1024;

    private const int MostDepth = 8;

    private static readonly JsonDocumentOptions Strict = new() { MaxDepth = MostDepth, AllowDuplicateProperties = false };

    // Only what has to be escaped is: the plus signs of base64 stay what they are.
    private static readonly JsonWriterOptions Readable = new() { Indented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>Rises with each change; null: it does not say.</summary>
    public ulong? Sequence { get; init; }

    /// <summary>How often it is to be asked for; null: it does not say.</summary>
    public TimeSpan? RefreshHint { get; init; }

    /// <summary>The roots of X.509-SVIDs in DER, each once, in the document's order. None: nobody is believed any more.</summary>
    public ImmutableArray<ReadOnlyMemory<byte>> Roots { get; init; } = [];

    /// <summary>What is wrong with keys of X.509-SVIDs that can't be used and were left out: nobody is believed by them. Each completes a sentence that begins with what was read.</summary>
    public ImmutableArray<string> LeftOut { get; init; } = [];

    /// <summary>Reads one. Keys of another use or type are passed over, as the standard asks, those of JWT-SVIDs among them, by which the mesh believes nobody; and so are certificates of no authority (<see cref="LeftOut"/>).</summary>
    /// <param name="utf8">The text.</param>
    /// <exception cref="InvalidDataException">It is none; the message completes a sentence that begins with what was read.</exception>
    public static BundleDocument Read(ReadOnlyMemory<byte> utf8)
    {
        if (utf8.Length > MostBytes) throw new InvalidDataException($"has more than {MostBytes} bytes");
        if (!Utf8.IsValid(utf8.Span)) throw new InvalidDataException("is not UTF-8");
        try
        {
            using JsonDocument document = JsonDocument.Parse(utf8, Strict);
            return Read(document.RootElement);
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            // The latter of an escaped half of a surrogate pair.
            throw new InvalidDataException($"is no JSON that can be read: {e.Message}", e);
        }
    }

    /// <summary>Whether another one has the same roots, in whatever order; their counts and hints may differ.</summary>
    public bool HasSameRoots(BundleDocument other) => CertificateFingerprint.AreSame(Roots, other.Roots);

    /// <summary>The text that others are told, in UTF-8: without roots whose keys have no name there (<see cref="CanTell"/>).</summary>
    public byte[] Write()
    {
        ArrayBufferWriter<byte> buffer = new();
        using Utf8JsonWriter writer = new(buffer, Readable);
        writer.WriteStartObject();
        writer.WriteStartArray("keys"u8);
        foreach (ReadOnlyMemory<byte> root in Roots)
        {
            if (DescribeKey(root) is { } key) WriteRoot(writer, root, key);
        }
        writer.WriteEndArray();
        if (Sequence is { } sequence) writer.WriteNumber("spiffe_sequence"u8, sequence);
        if (RefreshHint is { } hint) writer.WriteNumber("spiffe_refresh_hint"u8, (long)hint.TotalSeconds);
        writer.WriteEndObject();
        writer.Flush();
        return buffer.WrittenSpan.ToArray();
    }

    /// <summary>Whether a root can be told: its key is of a kind that JSON Web Keys have a name for, RSA or a curve of RFC 7518, 8037 or 8812.</summary>
    public static bool CanTell(ReadOnlyMemory<byte> root) => DescribeKey(root) is not null;

    private static BundleDocument Read(JsonElement root)
    {
        if (root.ValueKind != JsonValueKind.Object || !root.TryGetProperty("keys"u8, out JsonElement keys) || keys.ValueKind != JsonValueKind.Array) throw new InvalidDataException("has no list 'keys', which a bundle has");
        if (keys.GetArrayLength() > MostKeys) throw new InvalidDataException($"has more than {MostKeys} keys");
        ImmutableArray<ReadOnlyMemory<byte>>.Builder roots = ImmutableArray.CreateBuilder<ReadOnlyMemory<byte>>();
        ImmutableArray<string>.Builder leftOut = ImmutableArray.CreateBuilder<string>();
        HashSet<string> seen = [];
        foreach ((int index, JsonElement key) in keys.EnumerateArray().Index())
        {
            if (key.ValueKind != JsonValueKind.Object) throw new InvalidDataException($"has keys[{index}], which is no JSON Web Key");
            if (TextOf(key, "kty") is not ("EC" or "RSA" or "OKP") || TextOf(key, "use") != "x509-svid") continue;
            ReadOnlyMemory<byte> certificate = ReadRoot(key, index);
            if (!seen.Add(CertificateFingerprint.Of(certificate))) continue;
            if (FindProblem(certificate, $"keys[{index}]") is { } problem) leftOut.Add(problem);
            else roots.Add(certificate);
        }
        return new()
        {
            Sequence = NumberOf(root, "spiffe_sequence"),
            RefreshHint = HintOf(root),
            Roots = roots.ToImmutable(),
            LeftOut = leftOut.ToImmutable(),
        };
    }

    // Only the first value counts; more would be a chain, and a root has none.
    private static ReadOnlyMemory<byte> ReadRoot(JsonElement key, int index)
    {
        if (!key.TryGetProperty("x5c"u8, out JsonElement list) || list.ValueKind != JsonValueKind.Array || list.GetArrayLength() == 0 || list[0].ValueKind != JsonValueKind.String || !list[0].TryGetBytesFromBase64(out byte[]? der))
            throw new InvalidDataException($"has keys[{index}] for X.509-SVIDs without a certificate in base64 (x5c)");
        return der;
    }

    /// <summary>Makes sure that a certificate is one of an authority.</summary>
    /// <param name="der">It, and nothing behind it.</param>
    /// <param name="place">Where it stands, for messages.</param>
    /// <exception cref="InvalidDataException">It is not.</exception>
    internal static ReadOnlyMemory<byte> CheckRoot(ReadOnlyMemory<byte> der, string place) => FindProblem(der, place) is { } problem ? throw new InvalidDataException(problem) : der;

    private static string? FindProblem(ReadOnlyMemory<byte> der, string place)
    {
        try
        {
            using X509Certificate2 certificate = X509CertificateLoader.LoadCertificate(der.Span);
            if (!certificate.RawDataMemory.Span.SequenceEqual(der.Span)) return $"has {place}, whose certificate has something behind it, or is not in DER";
            return certificate.Extensions.OfType<X509BasicConstraintsExtension>().Any(c => c.CertificateAuthority) ? null : $"has {place}, whose certificate is no authority's";
        }
        catch (CryptographicException e)
        {
            return $"has {place}, whose certificate can't be read: {e.Message.TrimEnd('.')}";
        }
    }

    private static void WriteRoot(Utf8JsonWriter writer, ReadOnlyMemory<byte> root, (string Name, string Value)[] key)
    {
        writer.WriteStartObject();
        writer.WriteString("use"u8, "x509-svid"u8);
        foreach ((string name, string value) in key) writer.WriteString(name, value);
        writer.WriteStartArray("x5c"u8);
        writer.WriteBase64StringValue(root.Span);
        writer.WriteEndArray();
        writer.WriteEndObject();
    }

    /// <summary>A root's key as a JSON Web Key says it; null: it has no name there, or is written as none of its kind is.</summary>
    private static (string Name, string Value)[]? DescribeKey(ReadOnlyMemory<byte> root)
    {
        try
        {
            using X509Certificate2 certificate = X509CertificateLoader.LoadCertificate(root.Span);
            PublicKey key = certificate.PublicKey;
            byte[] bits = key.EncodedKeyValue.RawData;
            return key.Oid.Value switch
            {
                "1.2.840.10045.2.1" when key.EncodedParameters is { } curve => DescribeElliptic(AsnDecoder.ReadObjectIdentifier(curve.RawData, AsnEncodingRules.DER, out _), bits),
                "1.2.840.113549.1.1.1" => DescribeRsa(bits),
                "1.3.101.112" => [("kty", "OKP"), ("crv", "Ed25519"), ("x", Base64Url.EncodeToString(bits))],
                "1.3.101.113" => [("kty", "OKP"), ("crv", "Ed448"), ("x", Base64Url.EncodeToString(bits))],
                _ => null,
            };
        }
        catch (Exception e) when (e is AsnContentException or CryptographicException)
        {
            return null;
        }
    }

    // A point is told whole (SEC 1, 2.3.3).
    private static (string Name, string Value)[]? DescribeElliptic(string curve, byte[] point)
    {
        string? name = curve switch
        {
            "1.2.840.10045.3.1.7" => "P-256",
            "1.3.132.0.34" => "P-384",
            "1.3.132.0.35" => "P-521",
            "1.3.132.0.10" => "secp256k1",
            _ => null,
        };
        if (name is null || point is not [4, .. var coordinates] || coordinates.Length % 2 != 0) return null;
        int half = coordinates.Length / 2;
        return [("kty", "EC"), ("crv", name), ("x", Base64Url.EncodeToString(coordinates.AsSpan(0, half))), ("y", Base64Url.EncodeToString(coordinates.AsSpan(half)))];
    }

    private static (string Name, string Value)[] DescribeRsa(byte[] key)
    {
        AsnReader numbers = new AsnReader(key, AsnEncodingRules.DER).ReadSequence();
        string Next() => Base64Url.EncodeToString(numbers.ReadIntegerBytes().Span.TrimStart((byte)0));
        return [("kty", "RSA"), ("n", Next()), ("e", Next())];
    }

    private static ulong? NumberOf(JsonElement root, string name)
    {
        if (!root.TryGetProperty(name, out JsonElement value) || value.ValueKind == JsonValueKind.Null) return null;
        return value.ValueKind == JsonValueKind.Number && value.TryGetUInt64(out ulong number) ? number : throw new InvalidDataException($"has '{name}' that is no whole number of 64 bits");
    }

    // No number of 64 bits of seconds is a time; whoever says 0 says nothing.
    private static TimeSpan? HintOf(JsonElement root)
    {
        ulong seconds = NumberOf(root, "spiffe_refresh_hint") ?? 0;
        return seconds == 0 ? null : TimeSpan.FromSeconds(Math.Min(seconds, int.MaxValue));
    }

    private static string? TextOf(JsonElement key, string name) => key.TryGetProperty(name, out JsonElement value) && value.ValueKind == JsonValueKind.String ? value.GetString() : null;
}
