using System.Text;
using System.Text.Json;

namespace Culvert.Core;

/// <summary>The rules of JWT-SVIDs (JWT-SVID.md): tokens that name a SPIFFE ID and for whom they are meant. Pure.</summary>
public static class JwtSvid
{
    /// <summary>Most names of whom one is meant for.</summary>
    public const int MostAudiences = 16;

    /// <summary>Most characters of such a name.</summary>
    public const int LongestAudience = 512;

    /// <summary>Most bytes of all of them as a token has them, in JSON; the token is read by others with a bound (<see cref="JwtReader.MostBytes"/>), after base64url has made four of three.</summary>
    public const int MostAudienceBytes = 4096;

    /// <summary>How long one is good; it can't be taken back.</summary>
    public static readonly TimeSpan Lifetime = TimeSpan.FromMinutes(5);

    // How far the clock of who has signed may be ahead.
    private static readonly TimeSpan Skew = JwtRule.DefaultClockSkew;

    /// <summary>Says what is wrong with names of whom a token is to be meant for; null: nothing is.</summary>
    public static string? CheckAudience(IReadOnlyCollection<string> audience)
    {
        ArgumentNullException.ThrowIfNull(audience);
        if (audience.Count == 0) return "audience must be specified";
        if (audience.Count > MostAudiences) return $"there are more than {MostAudiences} audiences";
        int bytes = 0;
        foreach (string name in audience)
        {
            if (name.Length == 0) return "an audience must not be empty";
            if (name.Length > LongestAudience) return $"an audience is longer than {LongestAudience} characters";
            if (name.Any(char.IsControl)) return "an audience has control characters";
            bytes += JsonEncodedText.Encode(name).EncodedUtf8Bytes.Length;
        }

        return bytes > MostAudienceBytes ? $"the audiences have more than {MostAudienceBytes} bytes in JSON" : null;
    }

    /// <summary>The name of the key that a token says it was signed with; null: it says none, or is no token. Nothing is verified.</summary>
    public static string? KeyIdOf(string token)
    {
        ArgumentNullException.ThrowIfNull(token);
        return JwtReader.TryRead(Encoding.UTF8.GetBytes(token), out ReadJwt? jwt) == JwtError.None ? jwt!.KeyId : null;
    }

    /// <summary>Verifies a token.</summary>
    /// <param name="token">The token.</param>
    /// <param name="audience">Who asks, as tokens for them name them.</param>
    /// <param name="bundle">The keys of the trust domain whose tokens are known here.</param>
    /// <param name="now">The time.</param>
    /// <param name="svid">What it says, where it is good.</param>
    /// <returns>Why it is not good, for people; nothing of the token but what is no secret is in it. Null: it is.</returns>
    public static string? Verify(ReadOnlySpan<byte> token, string audience, TrustBundle bundle, DateTimeOffset now, out VerifiedJwtSvid? svid)
    {
        ArgumentNullException.ThrowIfNull(bundle);
        svid = null;
        JwtError error = JwtReader.TryRead(token, out ReadJwt? jwt);
        if (error != JwtError.None) return JwtErrors.Describe(error);
        if (!IsOfType(token)) return "the token is of another type than JWT and JOSE";
        if (jwt!.Algorithm is not { } algorithm) return JwtErrors.Describe(JwtError.WrongAlgorithm);
        if (jwt.KeyId is null) return "the token names no key";
        if (!SpiffeId.TryParse(jwt.Claims.Subject, out SpiffeId? id, out string? wrong)) return $"the token's subject is no SPIFFE ID: {wrong}";
        if (id.Path.Length == 0) return "the token's subject is a trust domain, and not a workload's identity";
        if (id.TrustDomain != bundle.TrustDomain) return $"the token is of the trust domain {id.TrustDomain}, whose keys are not known";
        if (bundle.JwtKeys.Items.FirstOrDefault(k => k.KeyId == jwt.KeyId) is not { } key) return JwtErrors.Describe(JwtError.UnknownKey);
        if (!key.Algorithms.Items.Contains(algorithm)) return JwtErrors.Describe(JwtError.WrongAlgorithm);
        if (!key.HasSigned(algorithm, token[..jwt.SignedLength], jwt.Signature)) return JwtErrors.Describe(JwtError.BadSignature);
        if (jwt.Claims.Expires == DateTimeOffset.MaxValue) return "the token has no end";
        if (now >= jwt.Claims.Expires) return JwtErrors.Describe(JwtError.Expired);
        if (jwt.Claims.NotBefore != DateTimeOffset.MinValue && now + Skew < jwt.Claims.NotBefore) return JwtErrors.Describe(JwtError.NotYetValid);
        if (!jwt.Claims.Audiences.Contains(audience, StringComparer.Ordinal)) return $"expected audience in [\"{audience}\"] (audience=[{string.Join(", ", jwt.Claims.Audiences.Take(MostAudiences).Select(a => $"\"{a}\""))}])";
        svid = new VerifiedJwtSvid(id, PayloadOf(token), jwt.Claims.Expires);
        return null;
    }

    private static bool IsOfType(ReadOnlySpan<byte> token)
    {
        StrictBase64Url.TryDecode(token[..token.IndexOf((byte)'.')], out byte[] header);
        if (!StrictJson.TryRead(header, out JsonDocument? document)) return false;
        using (document)
        {
            return !document.RootElement.TryGetProperty("typ"u8, out JsonElement type) || (StrictJson.TryGetText(type, out string? text) && text is "JWT" or "JOSE");
        }
    }

    private static byte[] PayloadOf(ReadOnlySpan<byte> token)
    {
        StrictBase64Url.TryDecode(token[(token.IndexOf((byte)'.') + 1)..token.LastIndexOf((byte)'.')], out byte[] payload);
        return payload;
    }
}
