using Culvert.Core;
using Culvert.Interop.Sockets;
using Culvert.NodeAgent.Proxy.Loop;

namespace Culvert.NodeAgent.Proxy.Model;

/// <summary>
/// Hears what happens, for metrics, access log and flows. Called on the loops, several at once: must be quick, must not throw,
/// and must not allocate for each event.
/// </summary>
internal interface IProxyObserver : ILoopObserver
{
    /// <summary>A connection was allowed and both halves are up.</summary>
    void OnOpened(in ProxyConnectionInfo connection);

    /// <summary>A connection that had been opened is over.</summary>
    void OnClosed(in ProxyConnectionInfo connection, in ProxyConnectionEnd end);

    /// <summary>A connection was refused or could not be made.</summary>
    /// <param name="connection">What is known of it.</param>
    /// <param name="failure">Why.</param>
    /// <param name="detail">More words, or null.</param>
    void OnFailed(in ProxyConnectionInfo connection, ProxyFailure failure, string? detail);

    /// <summary>Who hears of the requests of a connection whose protocol has them; asked for once, when it was allowed.</summary>
    IRequestObserver ObserveRequests(in ProxyConnectionInfo connection);

    /// <summary>A request was refused by policy, or has met AUDIT policies. May allocate.</summary>
    /// <param name="connection">Its connection, with the decision about the request.</param>
    /// <param name="request">Its method, host and path, for people.</param>
    void OnRequestDecided(in ProxyConnectionInfo connection, string request);

    /// <summary>The token of a request was looked at.</summary>
    /// <param name="issuer">Who has made it, if that is one who is taken there; null otherwise.</param>
    /// <param name="error">Why it was refused; None: it was taken.</param>
    void OnToken(string? issuer, JwtError error);

    /// <summary>A request was one too many; told of each.</summary>
    /// <param name="connection">Its connection.</param>
    /// <param name="limit">The RateLimit that has no room for it.</param>
    void OnRequestLimited(in ProxyConnectionInfo connection, NamespacedName limit);

    /// <summary>A request was one too many just now, and waits; told of each.</summary>
    /// <param name="connection">Its connection.</param>
    /// <param name="limit">The RateLimit that has it wait.</param>
    void OnRequestDelayed(in ProxyConnectionInfo connection, NamespacedName limit);

    /// <summary>An external authorizer was asked about a request.</summary>
    /// <param name="authorizer">Its name.</param>
    /// <param name="result">What has come of it.</param>
    void OnAuthorizerAsked(string authorizer, AuthorizerResult result);

    /// <summary>A rate limit service was asked about a request.</summary>
    /// <param name="service">The Service.</param>
    /// <param name="result">What has come of it.</param>
    /// <param name="failure">Why it has failed, in words; null: it has not.</param>
    void OnLimitServiceAsked(NamespacedName service, AuthorizerResult result, string? failure);

    /// <summary>A backend was asked whether it is well, or should have been.</summary>
    /// <param name="service">Its Service.</param>
    /// <param name="result">What has come of it.</param>
    void OnHealthChecked(NamespacedName service, HealthCheckResult result);

    /// <summary>A backend has become unhealthy.</summary>
    /// <param name="backend">The backend.</param>
    /// <param name="reason">Why the last check has failed, in words.</param>
    /// <param name="isLeftOut">Whether it gets no requests; otherwise too many are left out already.</param>
    void OnUnhealthy(BackendRequests backend, string reason, bool isLeftOut);

    /// <summary>A backend is healthy again.</summary>
    /// <param name="backend">The backend.</param>
    void OnHealthyAgain(BackendRequests backend);

    /// <summary>The copy of a request for a mirror is over, or will never be sent.</summary>
    /// <param name="mirror">The mirror's Service.</param>
    /// <param name="result">What has become of it.</param>
    void OnMirrored(NamespacedName mirror, MirrorResult result);

    /// <summary>
    /// A handshake succeeded or failed: count it always; log failures only when <paramref name="log"/> says so (once per peer
    /// and interval).
    /// </summary>
    void OnHandshake(in TunnelHandshake handshake, bool log);

    /// <summary>A connection that waits for this loop could not be accepted, for want of descriptors or memory; it is tried again in a moment.</summary>
    /// <param name="loop">The loop's index.</param>
    /// <param name="error">Why.</param>
    /// <param name="log">Whether to log it.</param>
    /// <param name="suppressed">How many of the same kind were not logged since the last that was.</param>
    void OnAcceptFailed(int loop, SocketErrno error, bool log, int suppressed);

    /// <summary>A pod was dialled from the client's address with another port, because the client's own was taken.</summary>
    void OnSourcePortChanged();

    /// <summary>A peer's proxy does not take UDP; told once per tunnel, at the first datagram for it.</summary>
    /// <param name="peer">The tunnel's address.</param>
    /// <param name="identity">Who is there.</param>
    void OnTunnelWithoutUdp(in SocketEndPoint peer, SpiffeId identity);

    /// <summary>The PROXY header in front of a captured datagram was refused.</summary>
    void OnHeaderRefused(ProxyProtocolError error);

    /// <summary>Datagrams were dropped.</summary>
    void OnDatagramDropped(DatagramDrop reason, int count = 1);
}
