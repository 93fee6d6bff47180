using Culvert.Core;
using Culvert.Http2;
using Culvert.NodeAgent.Proxy.Limits;
using Culvert.NodeAgent.Proxy.Model;
using Culvert.NodeAgent.Proxy.Transport;
using Culvert.NodeAgent.Proxy.Tunnel;

namespace Culvert.NodeAgent.Proxy.Inbound;

/// <summary>
/// CONNECT streams that arrive on one loop: the request is checked and takes its place; then it is admitted, and led to the pod, by who serves its protocol. Belongs to the loop's thread.
/// </summary>
/// <param name="requests">Finds out who asks for what.</param>
/// <param name="places">Budgets for streams.</param>
/// <param name="connections">Serves streams of bytes.</param>
/// <param name="datagrams">Serves streams of datagrams.</param>
/// <param name="responder">Answers requests.</param>
/// <param name="observer">Hears of streams that are refused.</param>
internal sealed class InboundStreams(
    InboundRequests requests, ConnectionPlaces places, InboundConnections connections, InboundDatagrams datagrams, ConnectResponder responder, IProxyObserver observer)
    : IHttp2Requests<TunnelConnection>
{
    /// <inheritdoc/>
    public void OnRequest(TunnelConnection tunnel, Http2Stream stream, HeaderList headers, bool endStream)
    {
        ProxyFailure failure = requests.Evaluate(tunnel, headers, out ProxyConnectionInfo info);
        if (failure != ProxyFailure.None)
        {
            Refuse(tunnel, stream, info, failure);
            return;
        }

        BudgetLease lease = places.ForDestination(info.DestinationWorkload!, info.Source);
        failure = ProxyFailures.FromBudget(lease.TryTake());
        if (failure != ProxyFailure.None)
        {
            Refuse(tunnel, stream, info, failure);
            return;
        }

        if (info.Protocol == TransportProtocol.Udp) datagrams.Open(tunnel, stream, headers, info, lease);
        else _ = connections.ServeAsync(tunnel, stream, info, lease);
        if (endStream) (stream.State as IHttp2StreamUser)?.OnData([], endStream: true);
    }

    private void Refuse(TunnelConnection tunnel, Http2Stream stream, in ProxyConnectionInfo info, ProxyFailure failure)
    {
        responder.Send(tunnel, stream, failure);
        observer.OnFailed(info, failure, null);
    }
}
