using System.Buffers.Text;
using System.Collections.Immutable;
using System.Security.Cryptography;
using System.Text.Json;

namespace Culvert.Core;

/// <summary>Reads and writes sets of JSON Web Keys (RFC 7517, section 5). What can't be used, as keys for encryption, is passed over, as section 5 asks; secrets are never taken for public keys. Pure.</summary>
public static class JsonWebKeys
{
    /// <summary>Most bytes of a set.</summary>
    public const int MostBytes = 64 << 10;

    /// <summary>Most keys that are taken of a set.</summary>
    public const int MostKeys = 32;

    private const int LeastModulus = 2048 / 8;
    private const int MostModulus = 4096 / 8;
    private const int MostExponent = 4;
    private const int MostKeyId = 256;

    private static readonly ImmutableArray<JwtAlgorithm> ForRsa = [JwtAlgorithm.RS256, JwtAlgorithm.RS384, JwtAlgorithm.RS512, JwtAlgorithm.PS256, JwtAlgorithm.PS384, JwtAlgorithm.PS512];

    /// <summary>Reads one.</summary>
    /// <param name="utf8">The set, in JSON.</param>
    /// <param name="keys">The keys that can be used.</param>
    /// <param name="passedOver">Of which others there are, and why they can't be used; at most 8.</param>
    /// <returns>What is wrong with the set as a whole; null: nothing.</returns>
    public static string? TryRead(ReadOnlyMemory<byte> utf8, out EquatableArray<JwtKey> keys, out EquatableArray<string> passedOver)
    {
        (keys, passedOver) = ([], []);
        if (utf8.Length > MostBytes) return $"is longer than {MostBytes} bytes";
        if (!StrictJson.TryRead(utf8, out JsonDocument? document)) return "is not an object of JSON, or has a member twice";
        using (document)
        {
            if (!document.RootElement.TryGetProperty("keys"u8, out JsonElement list) || list.ValueKind != JsonValueKind.Array) return "has no list 'keys' (RFC 7517, section 5)";
            List<JwtKey> found = [];
            List<string> others = [];
            foreach ((int index, JsonElement element) in list.EnumerateArray().Index())
            {
                string? reason = Read(element, out JwtKey? key);
                if (reason is not null && others.Count < 8) others.Add($"keys[{index}] {reason}");
                if (key is null) continue;
                if (found.Count == MostKeys) return $"has more than {MostKeys} keys";
                found.Add(key);
            }

            (keys, passedOver) = (found.ToEquatableArray(), others.ToEquatableArray());
            return found.Count == 0 ? $"has no key that tokens can be checked with{(others.Count > 0 ? $": {others[0]}" : "")}" : null;
        }
    }

    /// <summary>Writes a set as clients of SPIFFE want it: of each key its type, name and numbers.</summary>
    /// <param name="keys">The keys; each has a name.</param>
    /// <returns>JSON in UTF-8.</returns>
    public static byte[] Write(IEnumerable<JwtKey> keys)
    {
        ArgumentNullException.ThrowIfNull(keys);
        using MemoryStream text = new();
        using (Utf8JsonWriter writer = new(text))
        {
            writer.WriteStartObject();
            writer.WriteStartArray("keys"u8);
            foreach (JwtKey key in keys) Write(writer, key);
            writer.WriteEndArray();
            writer.WriteEndObject();
        }

        return text.ToArray();
    }

    private static void Write(Utf8JsonWriter writer, JwtKey key)
    {
        writer.WriteStartObject();
        if (key.Algorithms.Items.Contains(JwtAlgorithm.RS256))
        {
            using RSA rsa = RSA.Create();
            rsa.ImportSubjectPublicKeyInfo(key.PublicKey.AsSpan(), out _);
            RSAParameters numbers = rsa.ExportParameters(includePrivateParameters: false);
            writer.WriteString("kty"u8, "RSA"u8);
            writer.WriteString("kid"u8, key.KeyId);
            WriteNumber(writer, "n"u8, numbers.Modulus!);
            WriteNumber(writer, "e"u8, numbers.Exponent!);
        }
        else
        {
            using ECDsa elliptic = ECDsa.Create();
            elliptic.ImportSubjectPublicKeyInfo(key.PublicKey.AsSpan(), out _);
            ECParameters numbers = elliptic.ExportParameters(includePrivateParameters: false);
            writer.WriteString("kty"u8, "EC"u8);
            writer.WriteString("kid"u8, key.KeyId);
            writer.WriteString("crv"u8, elliptic.KeySize switch { 256 => "P-256"u8, 384 => "P-384"u8, _ => "P-521"u8 });
            WriteNumber(writer, "x"u8, numbers.Q.X!);
            WriteNumber(writer, "y"u8, numbers.Q.Y!);
        }

        writer.WriteEndObject();
    }

    private static void WriteNumber(Utf8JsonWriter writer, ReadOnlySpan<byte> name, byte[] number) => writer.WriteString(name, Base64Url.EncodeToString(number));

    private static string? Read(JsonElement element, out JwtKey? key)
    {
        key = null;
        if (element.ValueKind != JsonValueKind.Object) return "is not an object";
        string? type = Text(element, "kty"), use = Text(element, "use"), id = Text(element, "kid"), named = Text(element, "alg");
        if (use is not null and not "sig") return "is not for signatures";
        if (element.TryGetProperty("key_ops"u8, out JsonElement operations) && (operations.ValueKind != JsonValueKind.Array || !operations.EnumerateArray().Any(o => StrictJson.TryGetText(o, out string? operation) && operation == "verify"))) return "is not for checking signatures";
        if (id?.Length > MostKeyId) return "has a long name";
        (ImmutableArray<JwtAlgorithm> algorithms, byte[]? spki, string? reason) = type switch
        {
            "RSA" => ReadRsa(element),
            "EC" => ReadElliptic(element),
            "oct" => ([], null, "is a secret, and not a public key"),
            _ => ([], null, "is of a type other than RSA and EC"),
        };
        if (spki is null) return reason;
        if (named is not null)
        {
            if (!JwtReader.TryParseAlgorithm(named, out JwtAlgorithm only) || !algorithms.Contains(only)) return "names an algorithm that is not for keys of its type";
            algorithms = [only];
        }

        key = new JwtKey { KeyId = id, Algorithms = new(algorithms), PublicKey = spki.ToEquatableArray() };
        return null;
    }

    private static (ImmutableArray<JwtAlgorithm> Algorithms, byte[]? Spki, string? Reason) ReadRsa(JsonElement element)
    {
        byte[]? modulus = Bytes(element, "n"), exponent = Bytes(element, "e");
        if (modulus is null || exponent is null) return ([], null, "has no modulus and exponent in base64url");
        modulus = modulus.AsSpan().TrimStart((byte)0).ToArray();
        if (modulus.Length < LeastModulus) return ([], null, "is shorter than 2048 bits");
        if (modulus.Length > MostModulus) return ([], null, "is longer than 4096 bits");
        if (exponent.Length is 0 or > MostExponent || (exponent[^1] & 1) == 0 || exponent is [.., 1] && exponent.AsSpan(..^1).IndexOfAnyExcept((byte)0) < 0) return ([], null, "has an exponent that can't be used");
        return Export(() => RSA.Create(new RSAParameters { Modulus = modulus, Exponent = exponent }), ForRsa);
    }

    private static (ImmutableArray<JwtAlgorithm> Algorithms, byte[]? Spki, string? Reason) ReadElliptic(JsonElement element)
    {
        (ECCurve Curve, int Length, JwtAlgorithm Algorithm)? known = Text(element, "crv") switch
        {
            "P-256" => (ECCurve.NamedCurves.nistP256, 32, JwtAlgorithm.ES256),
            "P-384" => (ECCurve.NamedCurves.nistP384, 48, JwtAlgorithm.ES384),
            "P-521" => (ECCurve.NamedCurves.nistP521, 66, JwtAlgorithm.ES512),
            _ => null,
        };
        if (known is not { } curve) return ([], null, "is of a curve other than P-256, P-384 and P-521");
        byte[]? x = Bytes(element, "x"), y = Bytes(element, "y");
        return x?.Length != curve.Length || y?.Length != curve.Length
            ? ([], null, "has no coordinates of its curve's length in base64url")
            : Export(() => ECDsa.Create(new ECParameters { Curve = curve.Curve, Q = new ECPoint { X = x, Y = y } }), [curve.Algorithm]);
    }

    private static (ImmutableArray<JwtAlgorithm> Algorithms, byte[]? Spki, string? Reason) Export(Func<AsymmetricAlgorithm> make, ImmutableArray<JwtAlgorithm> algorithms)
    {
        try
        {
            using AsymmetricAlgorithm key = make();
            return (algorithms, key.ExportSubjectPublicKeyInfo(), null);
        }
        catch (CryptographicException)
        {
            return ([], null, "is not a key of its type");
        }
    }

    private static string? Text(JsonElement element, string name) => element.TryGetProperty(name, out JsonElement value) && StrictJson.TryGetText(value, out string? text) ? text : null;

    private static byte[]? Bytes(JsonElement element, string name) => Text(element, name) is { } text && StrictBase64Url.TryDecode(System.Text.Encoding.UTF8.GetBytes(text), out byte[] bytes) ? bytes : null;
}
