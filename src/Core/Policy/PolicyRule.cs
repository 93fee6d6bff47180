namespace Culvert.Core;

/// <summary>One rule of a policy: matches when any source and any destination match, and all conditions on claims.</summary>
public sealed record PolicyRule
{
    /// <summary>The sources; empty matches every source.</summary>
    public EquatableArray<PolicySource> From { get; init; }

    /// <summary>The destinations; empty matches every port.</summary>
    public EquatableArray<PolicyDestination> To { get; init; }

    /// <summary>Conditions on the claims of requests' tokens, which are then decided one by one. All must be met.</summary>
    public EquatableArray<ClaimCondition> When { get; init; }

    /// <summary>Whether it asks about tokens. All its destinations are then about TCP, and there is one at least.</summary>
    public bool AsksAboutTokens
    {
        get
        {
            foreach (PolicySource source in From)
            {
                if (source.Token is not null) return true;
            }

            return !When.IsEmpty;
        }
    }

    /// <summary>How many of the requests that match it may pass; set in rules of <see cref="PolicyAction.Limit"/>, and only there.</summary>
    public RateLimit? Limit { get; init; }
}
