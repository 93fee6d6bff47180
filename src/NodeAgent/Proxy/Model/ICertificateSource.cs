using Culvert.Core;
using Culvert.Interop.Tls;

namespace Culvert.NodeAgent.Proxy.Model;

/// <summary>Certificates by identity. Called on every loop at once; answers from an immutable table.</summary>
/// <remarks>After a rotation, a change of the trust bundle or a revocation the proxy has to be told.</remarks>
internal interface ICertificateSource
{
    /// <summary>The current credentials of an identity of this node; null when there are none yet.</summary>
    TlsIdentity? Find(SpiffeId identity);

    /// <summary>What is believed no more, though it is signed and valid.</summary>
    RevokedCredentials Revoked { get; }

    /// <summary>Whether there was a trust bundle and there is none any more: nobody can be believed then.</summary>
    bool IsTrustLost => false;

    /// <summary>Whether a certificate is a root of another trust domain than the mesh's, whose workloads may open tunnels to those of this node. Of the mesh's own domain it never is.</summary>
    bool TrustsForeign(string trustDomain, TlsAnchor anchor) => false;
}
