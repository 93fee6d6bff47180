using Culvert.Core;
using Culvert.Interop.Tls;
using Culvert.NodeAgent.Proxy.Model;

namespace Culvert.NodeAgent.Proxy.Tunnel;

/// <summary>What one handshake has shown of the peer.</summary>
/// <param name="Shown">What this side presented: the peer has seen it, too.</param>
/// <param name="MadeAt">When it was made.</param>
/// <param name="NotAfter">End of the peer's certificate, or of one above it.</param>
/// <param name="Anchor">The certificate of the trust bundle that the peer's chain led to.</param>
/// <param name="Serials">Serial numbers of the peer's certificate, and of those between it and the anchor.</param>
internal sealed record PeerProof(TlsIdentity Shown, DateTimeOffset MadeAt, DateTimeOffset NotAfter, TlsAnchor Anchor, CertificateSerial[] Serials);
