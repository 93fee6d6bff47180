namespace Culvert.Http2;

/// <summary>What a received header section is.</summary>
public enum Http2HeadersKind
{
    /// <summary>A request: the stream is new (server role only).</summary>
    Request,

    /// <summary>An informational response (1xx); the final one follows (client role only).</summary>
    InformationalResponse,

    /// <summary>The final response (client role only).</summary>
    Response,

    /// <summary>Trailers; they always end the stream.</summary>
    Trailers,
}
