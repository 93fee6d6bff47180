namespace Culvert.Core;

/// <summary>
/// Conditions on whom a request's token speaks of, by issuer and subject with a slash between them. Both lists that are not empty must be met. A request without a token meets no positive list; it meets a
/// negative one in DENY and AUDIT policies only, so that what is unknown is never allowed for not being someone else.
/// </summary>
public sealed record TokenConditions
{
    /// <summary>Patterns of which one must match.</summary>
    public EquatableArray<StringPattern> Principals { get; init; }

    /// <summary>Patterns of which none may.</summary>
    public EquatableArray<StringPattern> NotPrincipals { get; init; }

    /// <summary>Whether a request meets them. Allocates nothing.</summary>
    /// <param name="token">What its token says; null: it has none.</param>
    /// <param name="action">The action of the policy that asks.</param>
    internal bool Match(JwtClaims? token, PolicyAction action) => ClaimCondition.Meets(Principals, NotPrincipals, token?.Principal, action);
}
