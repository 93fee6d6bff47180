namespace Culvert.Core;

/// <summary>An authorisation policy at L4, validated. Which workloads it selects is said by <see cref="WorkloadInfo.PolicyNames"/>.</summary>
public sealed record PolicyInfo
{
    /// <summary>Its namespace and name.</summary>
    public required NamespacedName Name { get; init; }

    /// <summary>What it does to what it matches.</summary>
    public PolicyAction Action { get; init; }

    /// <summary>Whom a <see cref="PolicyAction.Custom"/> policy asks: the name of an <see cref="ExternalAuthorizer"/>, which need not be there; empty with every other action.</summary>
    public string Authorizer { get; init; } = "";

    /// <summary>It matches when any rule does; without rules it matches nothing.</summary>
    public EquatableArray<PolicyRule> Rules { get; init; }

    /// <summary>Where it was declared, as <c>file:line</c>, for messages; empty when unknown.</summary>
    public string SourceReference { get; init; } = "";
}
