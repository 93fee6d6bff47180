using Culvert.Http2;

namespace Culvert.NodeAgent.Proxy.Tunnel;

/// <summary>What carries one stream of a tunnel; the stream's state. Called on the tunnel's loop; must not throw.</summary>
internal interface ITunnelStream
{
    /// <summary>The answer to CONNECT came (client side).</summary>
    /// <param name="headers">The answer; valid during the call.</param>
    /// <param name="endStream">Whether nothing follows it.</param>
    void OnResponse(HeaderList headers, bool endStream);

    /// <summary>Bytes came out of the tunnel. Each takes window until it is given back by <see cref="Http2Connection.Consumed"/>.</summary>
    /// <param name="data">The bytes; valid during the call.</param>
    /// <param name="endStream">Whether they are the last.</param>
    void OnData(ReadOnlySpan<byte> data, bool endStream);

    /// <summary>The other side aborted the stream, or the tunnel broke.</summary>
    /// <param name="code">The code it was given.</param>
    /// <param name="tunnelBroken">Whether the whole tunnel is gone.</param>
    void OnReset(Http2ErrorCode code, bool tunnelBroken);

    /// <summary>The stream's object is about to be used for another stream: drop it.</summary>
    void OnStreamClosed();

    /// <summary>A stream that was refused room for data may try again.</summary>
    void OnWindowAvailable();
}
