namespace Culvert.NodeAgent.Proxy.ProxyProtocol;

/// <summary>What the sender of a connection has to do with PROXY headers.</summary>
internal enum LoadBalancerTrust
{
    /// <summary>No header is expected: the sender is the client.</summary>
    NotExpected,

    /// <summary>A header is expected, and the sender's are believed.</summary>
    Trusted,

    /// <summary>A header is expected, and the sender's are not believed: it is refused, as <see cref="Culvert.Core.ProxyProtocolError.Untrusted"/>.</summary>
    Untrusted,
}
