using Culvert.Core;
using Culvert.NodeAgent.Proxy.Model;

namespace Culvert.NodeAgent.Proxy.Tunnel;

/// <summary>Who may have a tunnel, once a certificate has proven who it is: asked of each handshake, and by <c>culvert explain</c>. Pure.</summary>
internal static class PeerRules
{
    /// <summary>Finds why a peer may have no tunnel.</summary>
    /// <param name="id">Who it is.</param>
    /// <param name="own">Who this side is.</param>
    /// <param name="expected">Who the peer has to be; null: it came by itself.</param>
    /// <param name="revoked">What is believed no more.</param>
    /// <param name="serials">The serial numbers of what proves it.</param>
    /// <param name="isForeignTrusted">Whether what proves it leads to a root of the peer's own trust domain, with which the mesh is federated. Of the mesh's own it is not asked.</param>
    /// <returns>The failure and what it is in words; None when it may.</returns>
    internal static (ProxyFailure Failure, string? Detail) FindRefusal(SpiffeId id, SpiffeId own, SpiffeId? expected, RevokedCredentials revoked, IReadOnlyCollection<CertificateSerial> serials, bool isForeignTrusted)
    {
        if (revoked.Contains(id)) return (ProxyFailure.PeerRevoked, $"{id} is revoked");
        if (revoked.Find(serials) is { } serial) return (ProxyFailure.PeerRevoked, $"certificate {serial}, by which the peer is {id}, is revoked");
        if (expected is not null && id != expected) return Mismatch($"the peer is {id}, not {expected}");

        // A root that signs for several trust domains does not make them one mesh. One of a federated domain vouches for that domain's names, and for those who come: whoever is connected to is of this mesh.
        if (id.TrustDomain != own.TrustDomain && (expected is not null || !isForeignTrusted))
            return Mismatch($"the peer is {id}, of another trust domain than {own}, with which the mesh is not federated");

        // The same root signs for nodes and the controller, or for SPIRE's servers and agents; who has stolen their certificate must not come in as a workload.
        if (id.IsSpires) return Mismatch($"the peer is {id}, a part of SPIRE and no workload");
        return id.IsOwn ? Mismatch($"the peer is {id}, a part of the mesh and no workload") : (ProxyFailure.None, null);
    }

    private static (ProxyFailure Failure, string? Detail) Mismatch(string detail) => (ProxyFailure.PeerIdentityMismatch, detail);
}
