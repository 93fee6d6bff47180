using System.Diagnostics.CodeAnalysis;
using System.Text.Json;

namespace Culvert.Core;

/// <summary>Takes tokens apart: JSON Web Tokens (RFC 7519) in the compact form of JSON Web Signatures (RFC 7515, section 7.1). Strict, and bounded by the token's length; pure.</summary>
public static class JwtReader
{
    /// <summary>Most bytes of a token.</summary>
    public const int MostBytes = 8192;

    private const int MostKeyId = 256;

    /// <summary>Takes one apart.</summary>
    /// <param name="token">The token.</param>
    /// <param name="jwt">It, with its signature still to be checked.</param>
    /// <returns>Why it is none.</returns>
    internal static JwtError TryRead(ReadOnlySpan<byte> token, out ReadJwt? jwt)
    {
        jwt = null;
        if (token.Length > MostBytes) return JwtError.TooLong;
        int first = token.IndexOf((byte)'.'), last = token.LastIndexOf((byte)'.');
        if (first <= 0 || first == last || token[(first + 1)..last].Contains((byte)'.')) return JwtError.Malformed;
        if (!StrictBase64Url.TryDecode(token[..first], out byte[] header) || !StrictBase64Url.TryDecode(token[(first + 1)..last], out byte[] payload) || !StrictBase64Url.TryDecode(token[(last + 1)..], out byte[] signature))
            return JwtError.Malformed;
        JwtError error = ReadHeader(header, out JwtAlgorithm? algorithm, out string? keyId);
        if (error != JwtError.None) return error;
        if (!StrictJson.TryRead(payload, out JsonDocument? document)) return JwtError.Malformed;
        using (document)
        {
            if (JwtClaims.Read(document.RootElement) is not { } claims) return JwtError.Malformed;
            jwt = new ReadJwt(algorithm, keyId, claims, last, signature);
            return JwtError.None;
        }
    }

    /// <summary>An algorithm by its name, which is told apart by capitals.</summary>
    /// <returns>False for <c>none</c>, those with a shared secret, and what is not known.</returns>
    public static bool TryParseAlgorithm([NotNullWhen(true)] string? name, out JwtAlgorithm algorithm)
    {
        algorithm = default;
        return name is { Length: 5 } && name[0] is 'R' or 'P' or 'E' && Enum.TryParse(name, out algorithm) && Enum.IsDefined(algorithm);
    }

    private static JwtError ReadHeader(byte[] header, out JwtAlgorithm? algorithm, out string? keyId)
    {
        (algorithm, keyId) = (null, null);
        if (!StrictJson.TryRead(header, out JsonDocument? document)) return JwtError.Malformed;
        using (document)
        {
            JsonElement root = document.RootElement;
            if (root.TryGetProperty("crit"u8, out _)) return JwtError.CriticalExtension; // none is understood here (RFC 7515, section 4.1.11)
            if (!root.TryGetProperty("alg"u8, out JsonElement alg) || !StrictJson.TryGetText(alg, out string? name)) return JwtError.Malformed;
            if (root.TryGetProperty("kid"u8, out JsonElement kid) && (!StrictJson.TryGetText(kid, out keyId) || keyId.Length > MostKeyId)) return JwtError.Malformed;
            if (TryParseAlgorithm(name, out JwtAlgorithm known)) algorithm = known;
            return JwtError.None;
        }
    }
}
