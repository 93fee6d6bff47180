namespace Culvert.NodeAgent.Proxy.Model;

/// <summary>Why a connection was refused or ended before its time. Names are label values of metrics; append only.</summary>
internal enum ProxyFailure
{
    /// <summary>Nothing went wrong.</summary>
    None = 0,

    /// <summary>The source address belongs to no enrolled workload of this node.</summary>
    UnknownSource = 1,

    /// <summary>Nothing is known about the destination.</summary>
    NoRoute = 2,

    /// <summary>The Service has no healthy backend.</summary>
    NoBackend = 3,

    /// <summary>There is no certificate for the identity yet.</summary>
    NoCertificate = 4,

    /// <summary>Policy forbids the connection.</summary>
    PolicyDenied = 5,

    /// <summary>Policy has changed and forbids a connection that was open.</summary>
    PolicyChanged = 6,

    /// <summary>Nobody listens at the destination.</summary>
    ConnectRefused = 7,

    /// <summary>The destination did not answer in time.</summary>
    ConnectTimeout = 8,

    /// <summary>There is no path to the destination, or another error while connecting.</summary>
    ConnectFailed = 9,

    /// <summary>The TLS handshake failed.</summary>
    TlsHandshake = 10,

    /// <summary>The TLS handshake took too long.</summary>
    TlsTimeout = 11,

    /// <summary>The peer's certificate is valid but carries another identity than the destination's, or none.</summary>
    PeerIdentityMismatch = 12,

    /// <summary>The peer spoke something else than HTTP/2, or broke its rules.</summary>
    ProtocolError = 13,

    /// <summary>The request of a tunnel stream was not acceptable (400).</summary>
    BadRequest = 14,

    /// <summary>The peer's proxy refused with another status than those above.</summary>
    PeerRefused = 15,

    /// <summary>The application reset its connection.</summary>
    ApplicationReset = 16,

    /// <summary>The other end of the tunnel reset the stream.</summary>
    StreamReset = 17,

    /// <summary>The tunnel's connection broke.</summary>
    TunnelReset = 18,

    /// <summary>A limit of this proxy was reached: connections, streams, buffers or descriptors.</summary>
    Overload = 19,

    /// <summary>The proxy is stopping and the deadline has passed.</summary>
    Draining = 20,

    /// <summary>A bug: an exception in the proxy.</summary>
    ProxyFault = 21,

    /// <summary>The destination's proxy does not take UDP: it offers no extended CONNECT (RFC 8441).</summary>
    UdpUnsupported = 22,

    /// <summary>A PROXY protocol header was refused, or came from somebody who is not trusted with one.</summary>
    ProxyProtocol = 23,

    /// <summary>The mesh has changed, and the session's path is no longer the one to its destination.</summary>
    RouteChanged = 24,

    /// <summary>More connections than may waited for their handshake, and this one had waited longest without a word.</summary>
    CrowdedOut = 25,

    /// <summary>The workload, identity or address has its share of this node's connections and sessions; what is left is for others.</summary>
    OverShare = 26,

    /// <summary>The Service has no such port.</summary>
    NoServicePort = 27,

    /// <summary>Somebody other than a proxy asked for the port of tunnels.</summary>
    TunnelPort = 28,

    /// <summary>The peer's certificate is valid, but it, the authority that has signed it, or the identity in it, has been revoked.</summary>
    PeerRevoked = 29,
}
