using Culvert.Http2;

namespace Culvert.NodeAgent.Proxy.Tunnel;

/// <summary>Takes the streams that peers open on accepted tunnels. On the tunnel's loop.</summary>
internal interface ITunnelStreams
{
    /// <summary>A peer opened a stream: answer with headers, or reset it.</summary>
    /// <param name="tunnel">The tunnel.</param>
    /// <param name="stream">The stream; make an <see cref="ITunnelStream"/> its state before returning when data is to be taken.</param>
    /// <param name="headers">The request; valid during the call.</param>
    /// <param name="endStream">Whether the peer has ended its direction already.</param>
    void OnRequest(TunnelConnection tunnel, Http2Stream stream, HeaderList headers, bool endStream);
}
