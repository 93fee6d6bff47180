using System.Runtime.CompilerServices;
using Culvert.Http2;
using Culvert.NodeAgent.Proxy.Connections;
using Culvert.NodeAgent.Proxy.Transport;
using Culvert.NodeAgent.Proxy.Tunnel;

namespace Culvert.NodeAgent.Proxy.Inbound;

/// <summary>The path to the workload that a tunnel's stream leads to; the stream is answered when the outcome is known. Belongs to its loop's thread.</summary>
/// <param name="dialer">Connects.</param>
/// <param name="responder">Answers requests.</param>
/// <param name="tunnel">The stream's tunnel.</param>
/// <param name="stream">The stream.</param>
/// <param name="client">The stream as a transport.</param>
/// <param name="isAnswered">Whether it has been accepted already.</param>
internal sealed class InboundUpstream(ApplicationDialer dialer, ConnectResponder responder, TunnelConnection tunnel, Http2Stream stream, StreamTransport client, bool isAnswered) : IUpstream
{
    /// <inheritdoc/>
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    public async ValueTask<UpstreamResult> ConnectAsync(ProxiedConnection connection)
    {
        UpstreamResult result = await dialer.ConnectAsync(connection.Info, connection.Info.Target);
        if (client.IsClosed)
        {
            // The client has gone away in the meantime, or the guard has reset it.
            result.Transport?.Reset(client.Failure);
            return new UpstreamResult(null, client.Failure);
        }

        if (!isAnswered) responder.Send(tunnel, stream, result.Failure);
        if (result.Transport is null) client.Abort(result.Failure, isAnswered ? Http2ErrorCode.ConnectError : Http2ErrorCode.NoError);
        return result;
    }
}
