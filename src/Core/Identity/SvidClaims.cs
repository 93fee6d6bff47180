namespace Culvert.Core;

/// <summary>What a certificate says of itself, of what decides whether it can prove an identity. Immutable.</summary>
public sealed record SvidClaims
{
    /// <summary>The URI names, in order.</summary>
    public required IReadOnlyList<string> Uris { get; init; }

    /// <summary>Whether it is an authority's (basicConstraints).</summary>
    public required bool IsAuthority { get; init; }

    /// <summary>Whether its key may sign certificates or revocations (keyUsage: keyCertSign, cRLSign).</summary>
    public required bool SignsCertificates { get; init; }

    /// <summary>Whether its key is for signatures (keyUsage: digitalSignature).</summary>
    public required bool IsForSignatures { get; init; }

    /// <summary>Whether it says what it is for (extKeyUsage), and that is not both servers and clients.</summary>
    public bool LacksPurpose { get; init; }
}
