using System.Text;

namespace Culvert.Core;

/// <summary>A token that a rule has taken, but for its time, which is looked at for each request. Immutable.</summary>
public sealed class VerifiedJwt
{
    internal VerifiedJwt(JwtRule rule, JwtClaims claims)
    {
        (Rule, Claims) = (rule, claims);
        Headers = [.. rule.ClaimHeaders.Select(h => (Encoding.ASCII.GetBytes(h.Header), ValueOf(claims.FindByName(h.Claim)))).Where(h => h.Item2 is not null).Select(h => (h.Item1, h.Item2!))];
    }

    /// <summary>What it says.</summary>
    public JwtClaims Claims { get; }

    /// <summary>The headers in which the application gets claims.</summary>
    public IReadOnlyList<(byte[] Name, byte[] Value)> Headers { get; }

    /// <summary>The rule.</summary>
    internal JwtRule Rule { get; }

    /// <summary>Looks at its time.</summary>
    internal JwtError CheckTime(DateTimeOffset now)
    {
        if (Claims.Expires != DateTimeOffset.MaxValue && now - Rule.ClockSkew >= Claims.Expires) return JwtError.Expired;
        return Claims.NotBefore != DateTimeOffset.MinValue && now + Rule.ClockSkew < Claims.NotBefore ? JwtError.NotYetValid : JwtError.None;
    }

    // What could be taken for something else is left out: a comma divides the elements of a list, and only printable ASCII passes everywhere as it is.
    private static byte[]? ValueOf(JwtClaim? claim)
    {
        if (claim is null || claim.Values.Count == 0 || (claim.Values.Count > 1 && claim.Values.Any(v => v.Contains(',', StringComparison.Ordinal)))) return null;
        string text = string.Join(',', claim.Values);
        return text.Length == 0 || text.AsSpan().ContainsAnyExceptInRange(' ', '~') || text[0] == ' ' || text[^1] == ' ' ? null : Encoding.ASCII.GetBytes(text);
    }
}
