namespace Culvert.Core;

/// <summary>Why tokens are refused, for people and for clients.</summary>
public static class JwtErrors
{
    /// <summary>In words; nothing of the token is in them.</summary>
    /// <param name="error">Why.</param>
    public static string Describe(JwtError error) => error switch
    {
        JwtError.Malformed => "the token is malformed",
        JwtError.TooLong => "the token is too long",
        JwtError.SeveralTokens => "there are several tokens",
        JwtError.CriticalExtension => "the token has critical extensions",
        JwtError.UnknownIssuer => "the token's issuer is not taken here",
        JwtError.NoKeys => "the keys of the token's issuer are not known",
        JwtError.WrongAlgorithm => "the token's algorithm is not taken",
        JwtError.UnknownKey => "the token's key is not known",
        JwtError.BadSignature => "the token's signature is wrong",
        JwtError.Expired => "the token has expired",
        JwtError.NotYetValid => "the token is not valid yet",
        JwtError.WrongAudience => "the token is meant for others",
        _ => throw new ArgumentOutOfRangeException(nameof(error), error, "no error"),
    };

    /// <summary>In one word, for metrics.</summary>
    /// <param name="error">Why; <see cref="JwtError.None"/> is <c>accepted</c>.</param>
    public static string NameOf(JwtError error) => error switch
    {
        JwtError.None => "accepted",
        JwtError.Malformed => "malformed",
        JwtError.TooLong => "too-long",
        JwtError.SeveralTokens => "several-tokens",
        JwtError.CriticalExtension => "critical-extension",
        JwtError.UnknownIssuer => "unknown-issuer",
        JwtError.NoKeys => "no-keys",
        JwtError.WrongAlgorithm => "wrong-algorithm",
        JwtError.UnknownKey => "unknown-key",
        JwtError.BadSignature => "bad-signature",
        JwtError.Expired => "expired",
        JwtError.NotYetValid => "not-yet-valid",
        JwtError.WrongAudience => "wrong-audience",
        _ => throw new ArgumentOutOfRangeException(nameof(error), error, "no error"),
    };
}
