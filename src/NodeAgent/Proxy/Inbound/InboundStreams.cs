using Culvert.Core;
using Culvert.Http2;
using Culvert.NodeAgent.Proxy.Connections;
using Culvert.NodeAgent.Proxy.Limits;
using Culvert.NodeAgent.Proxy.ProxyProtocol;
using Culvert.NodeAgent.Proxy.Transport;
using Culvert.NodeAgent.Proxy.Tunnel;

namespace Culvert.NodeAgent.Proxy.Inbound;

/// <summary>CONNECT streams that arrive on one loop: checks, policy, places, then the pod. Belongs to the loop's thread.</summary>
/// <param name="requests">Finds out who asks for what.</param>
/// <param name="guard">Policy, and the connections that run.</param>
/// <param name="places">Budgets for streams.</param>
/// <param name="connections">Serves streams of bytes.</param>
/// <param name="datagrams">Serves streams of datagrams.</param>
/// <param name="answers">Answers requests.</param>
/// <param name="observer">Hears of streams that are refused.</param>
internal sealed class InboundStreams(
    InboundRequests requests, ConnectionGuard guard, ConnectionPlaces places, InboundConnections connections, InboundDatagrams datagrams, ConnectResponder answers, IProxyObserver observer)
    : IHttp2Requests<TunnelConnection>
{
    /// <inheritdoc/>
    public void OnRequest(TunnelConnection tunnel, Http2Stream stream, HeaderList headers, bool endStream)
    {
        (int status, ProxyFailure failure) = requests.Evaluate(tunnel, headers, out ProxyConnectionInfo info);
        if (failure != ProxyFailure.None)
        {
            Refuse(tunnel, stream, info, status, failure);
            return;
        }

        StreamTransport? client = info.Protocol == TransportProtocol.Tcp ? new StreamTransport(tunnel, stream) : null;
        if (!TryAdmit(ref info, client, out ProxiedConnection? connection))
        {
            Refuse(tunnel, stream, info, 401, ProxyFailure.PolicyDenied);
            return;
        }

        BudgetLease lease = places.ForDestination(info.DestinationWorkload!, info.Source);
        failure = Failures.FromBudget(lease.TryTake());
        if (failure != ProxyFailure.None)
        {
            connection?.Withdraw();
            Refuse(tunnel, stream, info, Failures.StatusOfBudget(failure), failure);
            return;
        }

        if (client is not null)
        {
            if (endStream) client.OnData([], endStream: true);
            _ = connections.ServeAsync(tunnel, stream, client, info, connection, lease);
            return;
        }

        datagrams.Open(tunnel, stream, headers, info, connection, lease);
        if (endStream) (stream.State as IHttp2StreamUser)?.OnData([], endStream: true);
    }

    // Behind a load balancer's header policy is asked when the header has told who the client is: there is no connection yet then.
    private bool TryAdmit(ref ProxyConnectionInfo info, StreamTransport? client, out ProxiedConnection? connection)
    {
        connection = null;
        if (LoadBalancerHeader.IsExpected(info)) return true;
        connection = guard.TryAdmit(ref info, client);
        return connection is not null;
    }

    private void Refuse(TunnelConnection tunnel, Http2Stream stream, in ProxyConnectionInfo info, int status, ProxyFailure failure)
    {
        answers.Send(tunnel, stream, status);
        observer.OnFailed(info, failure, null);
    }
}
