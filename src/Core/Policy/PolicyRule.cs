namespace Culvert.Core;

/// <summary>One rule of a policy: matches when any source and any destination match.</summary>
public sealed record PolicyRule
{
    /// <summary>The sources; empty matches every source.</summary>
    public EquatableArray<PolicySource> From { get; init; }

    /// <summary>The destinations; empty matches every port.</summary>
    public EquatableArray<PolicyDestination> To { get; init; }

    /// <summary>How many of the requests that match it may pass; set in rules of <see cref="PolicyAction.Limit"/>, and only there.</summary>
    public RateLimit? Limit { get; init; }
}
