namespace Culvert.Core;

/// <summary>
/// A condition on a claim of a request's token. Of a claim with several texts one is enough for <see cref="Values"/>, and for <see cref="NotValues"/> none may match. A request without the claim, or without a token, does not meet
/// <see cref="Values"/>; it meets <see cref="NotValues"/> in DENY and AUDIT policies only.
/// </summary>
public sealed record ClaimCondition
{
    /// <summary>The names that lead to the claim, from the outside; empty: issuer and subject, as <see cref="TokenConditions"/> has them.</summary>
    public EquatableArray<string> Path { get; init; }

    /// <summary>Patterns of which one must match.</summary>
    public EquatableArray<StringPattern> Values { get; init; }

    /// <summary>Patterns of which none may.</summary>
    public EquatableArray<StringPattern> NotValues { get; init; }

    /// <summary>Whether a request meets it. Allocates nothing.</summary>
    /// <param name="token">What its token says; null: it has none.</param>
    /// <param name="action">The action of the policy that asks.</param>
    internal bool Match(JwtClaims? token, PolicyAction action)
    {
        if (Path.IsEmpty) return Meets(Values, NotValues, token?.Principal, action);
        if (token?.Find(Path) is not { Values.Count: > 0 } claim) return Meets(Values, NotValues, null, action);
        bool any = Values.IsEmpty;
        for (int i = 0; i < claim.Values.Count; i++)
        {
            if (AnyMatches(NotValues, claim.Values[i])) return false;
            any = any || AnyMatches(Values, claim.Values[i]);
        }

        return any;
    }

    /// <summary>Whether a text matches any of some patterns.</summary>
    internal static bool AnyMatches(EquatableArray<StringPattern> patterns, string value)
    {
        foreach (StringPattern pattern in patterns)
        {
            if (pattern.Matches(value)) return true;
        }

        return false;
    }

    /// <summary>Whether one text meets two lists.</summary>
    /// <param name="any">Of which one must match.</param>
    /// <param name="none">Of which none may.</param>
    /// <param name="text">The text; null: it is not known.</param>
    /// <param name="action">The action of the policy that asks.</param>
    internal static bool Meets(EquatableArray<StringPattern> any, EquatableArray<StringPattern> none, string? text, PolicyAction action) => text is null
        ? any.IsEmpty && action != PolicyAction.Allow
        : (any.IsEmpty || AnyMatches(any, text)) && !AnyMatches(none, text);
}
