namespace Culvert.Core;

/// <summary>
/// A condition on the source of a connection. All lists that are not empty must be met: a positive list by any of its
/// elements, a negative ("not") one by none. An unauthenticated source meets no positive list of identities or namespaces; it meets a
/// negative one in DENY and AUDIT policies only, so that what is unknown is never allowed for not being someone else. One of another trust domain meets it in ALLOW policies only where a pattern of <see cref="Identities"/> that it meets
/// names that trust domain up to the slash behind it.
/// </summary>
public sealed record PolicySource
{
    /// <summary>Patterns over the source's SPIFFE ID.</summary>
    public EquatableArray<StringPattern> Identities { get; init; }

    /// <summary>Patterns the source's SPIFFE ID must not match.</summary>
    public EquatableArray<StringPattern> NotIdentities { get; init; }

    /// <summary>Patterns over the source's namespace. Identities of another trust domain have none.</summary>
    public EquatableArray<StringPattern> Namespaces { get; init; }

    /// <summary>Patterns the source's namespace must not match.</summary>
    public EquatableArray<StringPattern> NotNamespaces { get; init; }

    /// <summary>Prefixes that hold the source address.</summary>
    public EquatableArray<IpPrefix> IpBlocks { get; init; }

    /// <summary>Prefixes that must not hold the source address.</summary>
    public EquatableArray<IpPrefix> NotIpBlocks { get; init; }

    /// <summary>What must hold of the tokens of requests, which are then decided one by one; null: nothing. Of what carries no requests that can be read, as <see cref="PolicyDestination.Request"/>.</summary>
    public TokenConditions? Token { get; init; }
}
