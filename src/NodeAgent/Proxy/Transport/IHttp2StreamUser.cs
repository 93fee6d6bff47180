using Culvert.Http2;

namespace Culvert.NodeAgent.Proxy.Transport;

/// <summary>What carries one stream of an HTTP/2 connection; the stream's state. Called on the connection's loop; must not throw.</summary>
internal interface IHttp2StreamUser
{
    /// <summary>Headers came: an informational answer, the answer (client side), or trailers.</summary>
    /// <param name="headers">The headers; valid during the call.</param>
    /// <param name="kind">What they are.</param>
    /// <param name="endStream">Whether nothing follows them; always so for trailers.</param>
    void OnHeaders(HeaderList headers, Http2HeadersKind kind, bool endStream);

    /// <summary>Bytes came. Each takes window until it is given back by <see cref="Http2Connection.Consumed"/>.</summary>
    /// <param name="data">The bytes; valid during the call.</param>
    /// <param name="endStream">Whether they are the last.</param>
    void OnData(ReadOnlySpan<byte> data, bool endStream);

    /// <summary>The other side aborted the stream, or the connection broke.</summary>
    /// <param name="code">The code it was given.</param>
    /// <param name="connectionBroken">Whether the whole connection is gone.</param>
    void OnReset(Http2ErrorCode code, bool connectionBroken);

    /// <summary>The stream's object is about to be used for another stream: drop it.</summary>
    void OnStreamClosed();

    /// <summary>A stream that was refused room for data may try again.</summary>
    void OnWindowAvailable();
}
