using Culvert.Http2;

namespace Culvert.NodeAgent.Proxy.Transport;

/// <summary>Takes the requests that come by an HTTP/2 connection in the role of the server. On the connection's loop.</summary>
/// <typeparam name="TConnection">The connection.</typeparam>
internal interface IHttp2Requests<in TConnection>
    where TConnection : Http2Driver
{
    /// <summary>A peer opened a stream: answer with headers, or reset it.</summary>
    /// <param name="connection">The connection.</param>
    /// <param name="stream">The stream; make an <see cref="IHttp2StreamUser"/> its state before returning when data or trailers are to be taken.</param>
    /// <param name="headers">The request; valid during the call.</param>
    /// <param name="endStream">Whether the peer has ended its direction already.</param>
    void OnRequest(TConnection connection, Http2Stream stream, HeaderList headers, bool endStream);
}
