using Culvert.NodeAgent.Proxy.Tunnel;
using Culvert.NodeAgent.Proxy.Udp;

namespace Culvert.NodeAgent.Proxy;

/// <summary>What the proxy asks of the agent around it.</summary>
/// <param name="Directory">Addresses.</param>
/// <param name="Authorizer">Policy.</param>
/// <param name="Certificates">Credentials.</param>
/// <param name="Observer">Metrics, logs and flows.</param>
internal sealed record ProxySeams(IProxyDirectory Directory, IProxyAuthorizer Authorizer, ICertificateSource Certificates, IProxyObserver Observer)
{
    /// <summary>Where sessions of datagrams announce the answers they wait for.</summary>
    internal IReplyTable Replies { get; init; } = NoReplyTable.Instance;

    /// <summary>What peers have proven, over all loops.</summary>
    internal PeerProofs Proofs { get; } = new();
}
