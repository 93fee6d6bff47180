using System.Buffers.Text;
using System.Text.Json;

namespace Culvert.Controller.Attestation.Kubernetes;

/// <summary>What a service account token says of itself. Nobody has to believe it: it tells which tokens an API server would not take, so that whoever makes them up costs it nothing. Pure.</summary>
internal static class ServiceAccountToken
{
    // Clocks of a cluster differ by less.
    private static readonly TimeSpan Leeway = TimeSpan.FromMinutes(1);

    // Of what is quoted; an account has 253 characters at most, and its namespace 63.
    private const int LongestSubject = 400;

    /// <summary>Refuses what is no token that agents have.</summary>
    /// <param name="token">The token.</param>
    /// <param name="options">Whose tokens make somebody a node.</param>
    /// <param name="now">The time.</param>
    /// <exception cref="AttestationException">It is none.</exception>
    public static void Require(string token, KubernetesAttestorOptions options, DateTimeOffset now)
    {
        try
        {
            using JsonDocument document = JsonDocument.Parse(PayloadOf(token));
            Require(document.RootElement, options, now);
        }
        catch (Exception e) when (e is JsonException or FormatException or InvalidOperationException)
        {
            throw Unknown("the token is no service account token", e);
        }
    }

    private static void Require(JsonElement payload, KubernetesAttestorOptions options, DateTimeOffset now)
    {
        if (payload.ValueKind != JsonValueKind.Object) throw Unknown("the token is no service account token");
        if (!payload.TryGetProperty("aud", out JsonElement audience) || !IsFor(audience, options.Audience)) throw Unknown($"the token is not for the audience '{options.Audience}'");
        string subject = payload.TryGetProperty("sub", out JsonElement sub) && sub.ValueKind == JsonValueKind.String ? sub.GetString()! : "";
        if (subject != options.Username) throw Unknown($"the token is of '{(subject.Length > LongestSubject ? subject[..LongestSubject] + "…" : subject)}'; agents run as '{options.Username}'");
        if (!payload.TryGetProperty("exp", out JsonElement end) || end.ValueKind != JsonValueKind.Number || !end.TryGetDouble(out double seconds)) throw Unknown("the token does not say until when it is good");
        if (seconds + Leeway.TotalSeconds <= now.ToUnixTimeSeconds()) throw new AttestationException(AttestationFailure.Expired, "the token has expired");
    }

    private static bool IsFor(JsonElement audience, string wanted) => audience.ValueKind switch
    {
        JsonValueKind.String => audience.ValueEquals(wanted),
        JsonValueKind.Array => audience.EnumerateArray().Any(a => a.ValueKind == JsonValueKind.String && a.ValueEquals(wanted)),
        _ => false,
    };

    private static byte[] PayloadOf(string token)
    {
        string[] parts = token.Split('.', 4);
        if (parts.Length != 3 || parts.Any(p => p.Length == 0 || !Base64Url.IsValid(p))) throw new FormatException("Three parts in base64url were expected.");
        return Base64Url.DecodeFromChars(parts[1]);
    }

    private static AttestationException Unknown(string reason, Exception? cause = null) => new(AttestationFailure.Unknown, reason, cause);
}
