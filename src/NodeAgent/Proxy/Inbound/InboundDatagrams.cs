using Culvert.Http2;
using Culvert.NodeAgent.Proxy.Connections;
using Culvert.NodeAgent.Proxy.Limits;
using Culvert.NodeAgent.Proxy.Loop;
using Culvert.NodeAgent.Proxy.Transport;
using Culvert.NodeAgent.Proxy.Tunnel;
using Culvert.NodeAgent.Proxy.Udp;

namespace Culvert.NodeAgent.Proxy.Inbound;

/// <summary>Serves streams of datagrams that arrive on one loop: opens the way to the pod and answers. Belongs to the loop's thread.</summary>
/// <param name="loop">The loop.</param>
/// <param name="options">How long sessions are kept.</param>
/// <param name="applications">Opens the ways to pods.</param>
/// <param name="behindHeaders">Sessions of load balancers' clients.</param>
/// <param name="answers">Answers requests.</param>
/// <param name="observer">Hears of streams that are refused, and of dropped datagrams.</param>
internal sealed class InboundDatagrams(
    EventLoop loop, ProxyOptions options, UdpApplicationDialer applications, BehindProxyHeaderSessions behindHeaders, ConnectResponder answers, IProxyObserver observer)
{
    /// <summary>Opens the way to the pod for a request that may go on, and answers it.</summary>
    /// <param name="tunnel">The stream's tunnel.</param>
    /// <param name="stream">The stream.</param>
    /// <param name="headers">The request.</param>
    /// <param name="info">What is known of it.</param>
    /// <param name="connection">What the guard has registered; null for a load balancer, each of whose datagrams tells who the client is: policy is asked about those.</param>
    /// <param name="lease">The session's place, which passes to it.</param>
    internal void Open(TunnelConnection tunnel, Http2Stream stream, HeaderList headers, in ProxyConnectionInfo info, ProxiedConnection? connection, BudgetLease lease)
    {
        bool sourcePorts = DatagramHeaders.HasSourcePort(headers);
        InboundDatagramSession session = new(loop, options, lease);
        (ProxyFailure failure, string? detail) = (ProxyFailure.None, null);
        IDatagramPeer? pod = connection is null
            ? behindHeaders.Accept(info, session.Answers)
            : applications.TryOpen(info, info.Source, info.Target, session.Answers, out failure, out detail);
        if (pod is null)
        {
            answers.Send(tunnel, stream, 503);
            session.Close(failure);
            connection?.Withdraw();
            observer.OnFailed(info, failure, detail);
            return;
        }

        TunnelDatagramStream taken = new(tunnel, stream, session, observer, sourcePorts);
        answers.AcceptDatagrams(tunnel, stream, sourcePorts);
        session.Open(taken, pod, connection);
    }
}
