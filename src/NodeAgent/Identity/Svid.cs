using Culvert.Core;

namespace Culvert.NodeAgent.Identity;

/// <summary>
/// An identity's key and certificate as they are in use. Immutable.
/// </summary>
/// <param name="Id">The identity.</param>
/// <param name="Version">Grows with each renewal of this identity.</param>
/// <param name="Chain">DER certificates, leaf first.</param>
/// <param name="PrivateKey">Its key; written by <see cref="SvidCache"/> alone.</param>
/// <param name="NotBefore">Start of validity, UTC; authorities backdate it for clocks that are late.</param>
/// <param name="NotAfter">End of validity, UTC.</param>
/// <param name="ReceivedAt">When it arrived, UTC: its life is counted from here.</param>
public sealed record Svid(SpiffeId Id, int Version, IReadOnlyList<byte[]> Chain, PrivateKeyBytes PrivateKey, DateTimeOffset NotBefore, DateTimeOffset NotAfter, DateTimeOffset ReceivedAt)
{
    /// <summary>Whether it was read from disk, and not signed since this process began: it is verified before it is used.</summary>
    public bool IsFromDisk { get; init; }

    /// <summary>The identity and times only: keys never reach a log.</summary>
    public override string ToString() => $"{Id} v{Version} until {NotAfter:O}";
}
