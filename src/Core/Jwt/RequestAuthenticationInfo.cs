namespace Culvert.Core;

/// <summary>Which tokens the requests to some workloads may have. Which workloads these are is said by <see cref="WorkloadInfo.RequestAuthenticationNames"/>. Immutable.</summary>
public sealed record RequestAuthenticationInfo
{
    /// <summary>Its namespace and name.</summary>
    public required NamespacedName Name { get; init; }

    /// <summary>By issuer; several of one issuer are tried in turn.</summary>
    public EquatableArray<JwtRule> Rules { get; init; }

    /// <summary>Where it was declared, as <c>file:line</c>, for messages; empty when unknown.</summary>
    public string SourceReference { get; init; } = "";

    /// <inheritdoc/>
    public bool Equals(RequestAuthenticationInfo? other) => other is not null && Name == other.Name && Rules == other.Rules && SourceReference == other.SourceReference;

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(Name, Rules.Count, SourceReference);
}
