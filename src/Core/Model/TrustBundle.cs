using System.Collections.Immutable;

namespace Culvert.Core;

/// <summary>The root certificates that peers of a trust domain are verified against, and the keys for its tokens.</summary>
/// <param name="trustDomain">The trust domain the roots speak for.</param>
/// <param name="roots">X.509 certificates in DER, oldest first.</param>
public sealed class TrustBundle(string trustDomain, ImmutableArray<ReadOnlyMemory<byte>> roots) : IEquatable<TrustBundle>
{
    /// <summary>Most trust domains that a mesh is federated with.</summary>
    public const int MostFederated = 64;

    /// <summary>The trust domain the roots speak for.</summary>
    public string TrustDomain { get; } = trustDomain;

    /// <summary>X.509 root certificates in DER, oldest first; more than one while roots overlap.</summary>
    public ImmutableArray<ReadOnlyMemory<byte>> Roots { get; } = roots.IsDefault ? [] : roots;

    /// <summary>The keys that the trust domain's JWT-SVIDs are verified with; each has a name. None: it has no such tokens.</summary>
    public EquatableArray<JwtKey> JwtKeys { get; init; }

    /// <summary>A bundle without roots: nothing verifies against it.</summary>
    public static TrustBundle Empty { get; } = new("", []);

    /// <summary>Whether another one is of the same trust domain with the same roots, whatever its keys for tokens.</summary>
    public bool HasSameRoots(TrustBundle other)
    {
        ArgumentNullException.ThrowIfNull(other);
        return TrustDomain == other.TrustDomain && Roots.Length == other.Roots.Length && Roots.Zip(other.Roots).All(pair => pair.First.Span.SequenceEqual(pair.Second.Span));
    }

    /// <inheritdoc/>
    public bool Equals(TrustBundle? other) => other is not null && HasSameRoots(other) && JwtKeys == other.JwtKeys;

    /// <inheritdoc/>
    public override bool Equals(object? obj) => Equals(obj as TrustBundle);

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(TrustDomain, Roots.Length);
}
