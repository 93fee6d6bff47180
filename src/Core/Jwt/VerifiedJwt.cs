using System.Text;

namespace Culvert.Core;

/// <summary>A token that a rule has taken, but for its time, which is looked at for each request. Immutable.</summary>
public sealed class VerifiedJwt
{
    private const int WeightOfHeader = 128;

    internal VerifiedJwt(JwtRule rule, JwtClaims claims)
    {
        (Rule, Claims) = (rule, claims);
        Headers = [.. rule.ClaimHeaders.Select(h => (Encoding.ASCII.GetBytes(h.Header), ValueOf(claims.FindByName(h.Claim)))).Where(h => h.Item2 is not null).Select(h => (h.Item1, h.Item2!))];
        Weight = claims.Weight + Headers.Sum(h => WeightOfHeader + h.Value.Length);
    }

    /// <summary>What it says.</summary>
    public JwtClaims Claims { get; }

    /// <summary>The headers in which the application gets claims.</summary>
    public IReadOnlyList<(byte[] Name, byte[] Value)> Headers { get; }

    /// <summary>About how many bytes of memory it takes.</summary>
    internal int Weight { get; }

    /// <summary>The rule.</summary>
    internal JwtRule Rule { get; }

    /// <summary>Looks at its time.</summary>
    internal JwtError CheckTime(DateTimeOffset now)
    {
        if (Claims.Expires != DateTimeOffset.MaxValue && now - Rule.ClockSkew >= Claims.Expires) return JwtError.Expired;
        return Claims.NotBefore != DateTimeOffset.MinValue && now + Rule.ClockSkew < Claims.NotBefore ? JwtError.NotYetValid : JwtError.None;
    }

    // What could be taken for something else is left out: only printable ASCII passes everywhere as it is, and blanks at an end pass nowhere.
    private static byte[]? ValueOf(JwtClaim? claim) => (claim?.Text ?? (claim is { IsList: true } ? Joined(claim.Values) : null)) is { Length: > 0 } text
        && !text.AsSpan().ContainsAnyExceptInRange(' ', '~') && text[0] != ' ' && text[^1] != ' ' ? Encoding.ASCII.GetBytes(text) : null;

    // Commas divide elements: one in an element, or an empty one, would make another list of it.
    private static string? Joined(IReadOnlyList<string> elements) =>
        elements.Any(e => e.Length == 0 || e.Contains(',', StringComparison.Ordinal) || e[0] == ' ' || e[^1] == ' ') ? null : string.Join(',', elements);
}
