using Culvert.NodeAgent.Proxy.Model;

namespace Culvert.NodeAgent.Proxy.Tunnel;

/// <summary>
/// What proxies answer each other's CONNECT requests with: a contract between nodes, which may run different versions, so that a status keeps its meaning. It says less than the failure:
/// only what the peer can act by.
/// </summary>
internal static class ConnectStatus
{
    /// <summary>The stream goes on.</summary>
    internal const int Accepted = 200;

    /// <summary>The status that a failure is answered with.</summary>
    /// <param name="failure">The failure; None when there is none.</param>
    internal static int Of(ProxyFailure failure) => failure switch
    {
        ProxyFailure.None => Accepted,
        ProxyFailure.BadRequest => 400,
        ProxyFailure.PolicyDenied or ProxyFailure.PeerIdentityMismatch or ProxyFailure.PeerRevoked or ProxyFailure.ProxyProtocol => 401,

        // RFC 6585, section 4: the workload that is asked for has its share, while others would still be served.
        ProxyFailure.OverShare => 429,
        _ => 503,
    };

    /// <summary>What a status of a peer means here.</summary>
    /// <param name="status">The status, of any proxy that speaks HBONE.</param>
    internal static ProxyFailure Meaning(int status) => status switch
    {
        Accepted => ProxyFailure.None,
        400 => ProxyFailure.BadRequest,
        401 or 403 => ProxyFailure.PolicyDenied,
        429 => ProxyFailure.OverShare,
        503 => ProxyFailure.ConnectFailed,
        _ => ProxyFailure.PeerRefused,
    };
}
