namespace Culvert.Core;

/// <summary>The version of HTTP by which a port is read.</summary>
public enum HttpKind
{
    /// <summary>It carries bytes.</summary>
    None,

    /// <summary>HTTP/1.1 (RFC 9112).</summary>
    Http1,

    /// <summary>HTTP/2 without TLS, by prior knowledge (RFC 9113); also gRPC.</summary>
    Http2,
}
