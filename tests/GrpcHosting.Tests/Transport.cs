namespace Culvert.GrpcHosting.Tests;

/// <summary>How a test's client reaches its server.</summary>
public enum Transport
{
    /// <summary>HTTP/2 in the clear over loopback TCP.</summary>
    Clear,

    /// <summary>TLS with a client certificate over loopback TCP.</summary>
    Tls,

    /// <summary>A Unix socket.</summary>
    Unix,
}
