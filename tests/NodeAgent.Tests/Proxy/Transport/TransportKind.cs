namespace Culvert.NodeAgent.Tests.Proxy.Transport;

/// <summary>What a transport is made of.</summary>
public enum TransportKind
{
    /// <summary>A socket.</summary>
    Socket,

    /// <summary>TLS over a socket.</summary>
    Tls,

    /// <summary>A CONNECT stream of HTTP/2 over a plaintext socket.</summary>
    Stream,
}
