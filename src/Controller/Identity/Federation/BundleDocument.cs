using System.Buffers;
using System.Buffers.Text;
using System.Collections.Immutable;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Unicode;

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

    /// <summary>The keys of JWT-SVIDs as they are written, each a JSON Web Key with an ID.</summary>
    public ImmutableArray<string> JwtKeys { get; init; } = [];

    /// <summary>Reads one. Keys of another use or type than are known are passed over, as the standard asks.</summary>
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

    /// <summary>Whether another one has the same keys, in whatever order; their counts and hints may differ.</summary>
    public bool HasSameKeys(BundleDocument other) => Roots.Select(NameOf).ToHashSet().SetEquals(other.Roots.Select(NameOf)) && JwtKeys.ToHashSet(StringComparer.Ordinal).SetEquals(other.JwtKeys);

    /// <summary>The text, in UTF-8.</summary>
    public byte[] Write()
    {
        ArrayBufferWriter<byte> buffer = new();
        using (Utf8JsonWriter writer = new(buffer, Readable)) Write(writer);
        return buffer.WrittenSpan.ToArray();
    }

    /// <summary>Writes it as a value.</summary>
    public void Write(Utf8JsonWriter writer)
    {
        writer.WriteStartObject();
        writer.WriteStartArray("keys"u8);
        foreach (ReadOnlyMemory<byte> root in Roots) WriteRoot(writer, root);
        foreach (string key in JwtKeys) writer.WriteRawValue(key);
        writer.WriteEndArray();
        if (Sequence is { } sequence) writer.WriteNumber("spiffe_sequence"u8, sequence);
        if (RefreshHint is { } hint) writer.WriteNumber("spiffe_refresh_hint"u8, (long)hint.TotalSeconds);
        writer.WriteEndObject();
    }

    private static BundleDocument Read(JsonElement root)
    {
        if (root.ValueKind != JsonValueKind.Object || !root.TryGetProperty("keys"u8, out JsonElement keys) || keys.ValueKind != JsonValueKind.Array) throw new InvalidDataException("has no list 'keys', which a bundle has");
        if (keys.GetArrayLength() > MostKeys) throw new InvalidDataException($"has more than {MostKeys} keys");
        ImmutableArray<ReadOnlyMemory<byte>>.Builder roots = ImmutableArray.CreateBuilder<ReadOnlyMemory<byte>>();
        ImmutableArray<string>.Builder tokens = ImmutableArray.CreateBuilder<string>();
        HashSet<string> seen = [];
        foreach ((int index, JsonElement key) in keys.EnumerateArray().Index())
        {
            if (key.ValueKind != JsonValueKind.Object) throw new InvalidDataException($"has keys[{index}], which is no JSON Web Key");
            if (TextOf(key, "kty") is not ("EC" or "RSA" or "OKP")) continue;
            string? use = TextOf(key, "use");
            if (use == "x509-svid")
            {
                ReadOnlyMemory<byte> certificate = ReadRoot(key, index);
                if (seen.Add(NameOf(certificate))) roots.Add(certificate);
            }
            else if (use == "jwt-svid")
            {
                if (string.IsNullOrEmpty(TextOf(key, "kid"))) throw new InvalidDataException($"has keys[{index}] for JWT-SVIDs without an ID (kid)");
                tokens.Add(key.GetRawText());
            }
        }
        return new()
        {
            Sequence = NumberOf(root, "spiffe_sequence"),
            RefreshHint = HintOf(root),
            Roots = roots.ToImmutable(),
            JwtKeys = tokens.ToImmutable(),
        };
    }

    // Only the first value counts; more would be a chain, and a root has none.
    private static ReadOnlyMemory<byte> ReadRoot(JsonElement key, int index)
    {
        if (!key.TryGetProperty("x5c"u8, out JsonElement list) || list.ValueKind != JsonValueKind.Array || list.GetArrayLength() == 0 || list[0].ValueKind != JsonValueKind.String || !list[0].TryGetBytesFromBase64(out byte[]? der))
            throw new InvalidDataException($"has keys[{index}] for X.509-SVIDs without a certificate in base64 (x5c)");
        return CheckRoot(der, $"keys[{index}]");
    }

    /// <summary>Makes sure that a certificate is one of an authority.</summary>
    /// <param name="der">It, and nothing behind it.</param>
    /// <param name="place">Where it stands, for messages.</param>
    /// <exception cref="InvalidDataException">It is not.</exception>
    internal static ReadOnlyMemory<byte> CheckRoot(ReadOnlyMemory<byte> der, string place)
    {
        try
        {
            using X509Certificate2 certificate = X509CertificateLoader.LoadCertificate(der.Span);
            if (!certificate.RawDataMemory.Span.SequenceEqual(der.Span)) throw new InvalidDataException($"has {place}, whose certificate has something behind it, or is not in DER");
            if (!certificate.Extensions.OfType<X509BasicConstraintsExtension>().Any(c => c.CertificateAuthority)) throw new InvalidDataException($"has {place}, whose certificate is no authority's");
            return der;
        }
        catch (CryptographicException e)
        {
            throw new InvalidDataException($"has {place}, whose certificate can't be read: {e.Message.TrimEnd('.')}", e);
        }
    }

    private static void WriteRoot(Utf8JsonWriter writer, ReadOnlyMemory<byte> root)
    {
        using X509Certificate2 certificate = X509CertificateLoader.LoadCertificate(root.Span);
        writer.WriteStartObject();
        writer.WriteString("use"u8, "x509-svid"u8);
        WriteKey(writer, certificate);
        writer.WriteStartArray("x5c"u8);
        writer.WriteBase64StringValue(root.Span);
        writer.WriteEndArray();
        writer.WriteEndObject();
    }

    private static void WriteKey(Utf8JsonWriter writer, X509Certificate2 certificate)
    {
        using ECDsa? elliptic = certificate.GetECDsaPublicKey();
        using RSA? rsa = elliptic is null ? certificate.GetRSAPublicKey() : null;
        writer.WriteString("kty"u8, elliptic is not null ? "EC"u8 : rsa is not null ? "RSA"u8 : "OKP"u8);
        if (elliptic is not null)
        {
            ECParameters key = elliptic.ExportParameters(includePrivateParameters: false);
            writer.WriteString("crv"u8, elliptic.KeySize switch { 256 => "P-256"u8, 384 => "P-384"u8, _ => "P-521"u8 });
            writer.WriteString("x"u8, Base64Url.EncodeToString(key.Q.X));
            writer.WriteString("y"u8, Base64Url.EncodeToString(key.Q.Y));
        }
        else if (rsa is not null)
        {
            RSAParameters key = rsa.ExportParameters(includePrivateParameters: false);
            writer.WriteString("n"u8, Base64Url.EncodeToString(key.Modulus));
            writer.WriteString("e"u8, Base64Url.EncodeToString(key.Exponent));
        }
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

    private static string NameOf(ReadOnlyMemory<byte> root) => Convert.ToHexString(SHA256.HashData(root.Span));
}
