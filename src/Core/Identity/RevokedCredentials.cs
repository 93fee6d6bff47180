using System.Collections.Frozen;

namespace Culvert.Core;

/// <summary>What the mesh believes no more, though it is signed and valid: identities, whoever shows them, and single certificates. Immutable.</summary>
public sealed record RevokedCredentials
{
    /// <summary>Most identities, and most serial numbers that a MeshConfig names.</summary>
    public const int MostOfEach = 256;

    /// <summary>Most serial numbers that revocation lists name.</summary>
    public const int MostListed = 10_000;

    // Asked with each handshake.
    private FrozenSet<CertificateSerial>? _set;

    /// <summary>Identities of workloads.</summary>
    public EquatableArray<SpiffeId> Identities { get; init; }

    /// <summary>Serial numbers of certificates, of workloads or of authorities between them and a root.</summary>
    public EquatableArray<CertificateSerial> Serials { get; init; }

    /// <summary>Nothing is revoked.</summary>
    public static RevokedCredentials None { get; } = new();

    /// <summary>Whether nothing is revoked.</summary>
    public bool IsEmpty => Identities.IsEmpty && Serials.IsEmpty;

    /// <summary>Whether an identity is revoked.</summary>
    public bool Contains(SpiffeId identity)
    {
        foreach (SpiffeId revoked in Identities)
        {
            if (revoked == identity) return true;
        }

        return false;
    }

    /// <summary>The first of the serial numbers of a chain that is revoked; null when none is.</summary>
    public CertificateSerial? Find(IEnumerable<CertificateSerial> chain)
    {
        ArgumentNullException.ThrowIfNull(chain);
        if (Serials.IsEmpty) return null;
        FrozenSet<CertificateSerial> revoked = _set ??= Serials.ToFrozenSet(); // of two threads that make it both have the same
        foreach (CertificateSerial serial in chain)
        {
            if (revoked.Contains(serial)) return serial;
        }

        return null;
    }

    /// <summary>The same with further serial numbers.</summary>
    public RevokedCredentials With(IEnumerable<CertificateSerial> serials) => new() { Identities = Identities, Serials = Serials.Concat(serials).Distinct().ToEquatableArray() };

    /// <summary>By what is revoked.</summary>
    public bool Equals(RevokedCredentials? other) => other is not null && Identities == other.Identities && Serials == other.Serials;

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(Identities, Serials);
}
