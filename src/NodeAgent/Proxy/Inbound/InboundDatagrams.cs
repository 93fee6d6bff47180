using Culvert.Http2;
using Culvert.NodeAgent.Proxy.Connections;
using Culvert.NodeAgent.Proxy.Limits;
using Culvert.NodeAgent.Proxy.Loop;
using Culvert.NodeAgent.Proxy.Model;
using Culvert.NodeAgent.Proxy.ProxyProtocol;
using Culvert.NodeAgent.Proxy.Transport;
using Culvert.NodeAgent.Proxy.Tunnel;
using Culvert.NodeAgent.Proxy.Udp;

namespace Culvert.NodeAgent.Proxy.Inbound;

/// <summary>Serves streams of datagrams that arrive on one loop: admits them, opens the path to the pod and answers. Belongs to the loop's thread.</summary>
/// <param name="loop">The loop.</param>
/// <param name="times">How long sessions are kept.</param>
/// <param name="guard">Policy, and the sessions that run.</param>
/// <param name="applications">Opens the paths to pods.</param>
/// <param name="behindHeaders">Sessions of load balancers' clients.</param>
/// <param name="responder">Answers requests.</param>
/// <param name="observer">Hears of streams that are refused, and of dropped datagrams.</param>
internal sealed class InboundDatagrams(
    EventLoop loop, DatagramSessionTimes times, ConnectionGuard guard, UdpApplicationDialer applications, BehindProxyHeaderSessions behindHeaders, ConnectResponder responder, IProxyObserver observer)
{
    /// <summary>Serves a stream, or refuses it.</summary>
    /// <param name="tunnel">The stream's tunnel.</param>
    /// <param name="stream">The stream.</param>
    /// <param name="headers">The request.</param>
    /// <param name="info">What is known of it.</param>
    /// <param name="lease">The session's place, which passes to it.</param>
    internal void Open(TunnelConnection tunnel, Http2Stream stream, HeaderList headers, ProxyConnectionInfo info, BudgetLease lease)
    {
        bool sourcePorts = DatagramHeaders.HasSourcePort(headers);
        InboundDatagramSession session = new(loop, times, lease);
        try
        {
            if (LoadBalancerHeader.IsExpected(info))
            {
                // Each datagram tells who the client is: each client is admitted, and reported, as a session of its own.
                Start(tunnel, stream, session, behindHeaders.Accept(info, session.Answers), sourcePorts);
                return;
            }

            Admit(tunnel, stream, session, info, sourcePorts);
        }
        catch (Exception exception)
        {
            loop.ReportFault(exception);
            if (session.IsOpen) session.Abort(ProxyFailure.ProxyFault);
            else Refuse(tunnel, stream, session, ProxyFailure.ProxyFault);
        }
    }

    private void Admit(TunnelConnection tunnel, Http2Stream stream, InboundDatagramSession session, ProxyConnectionInfo info, bool sourcePorts)
    {
        if (guard.TryAdmit(ref info, client: null, isDestinationHere: true, out ProxyFailure failure) is not { } connection)
        {
            Refuse(tunnel, stream, session, failure);
            observer.OnFailed(info, failure, null);
            return;
        }

        try
        {
            IDatagramPeer? pod = applications.TryOpen(info, info.Source, info.Target, session.Answers, out failure, out string? detail);
            if (pod is null)
            {
                Refuse(tunnel, stream, session, failure);
                connection.Fail(failure, detail);
                return;
            }

            Start(tunnel, stream, session, pod, sourcePorts);
            session.Report(connection);
        }
        catch (Exception exception)
        {
            connection.Fail(ProxyFailure.ProxyFault, exception.Message);
            throw;
        }
    }

    private void Refuse(TunnelConnection tunnel, Http2Stream stream, InboundDatagramSession session, ProxyFailure failure)
    {
        session.Close(failure);
        responder.Send(tunnel, stream, failure);
    }

    private void Start(TunnelConnection tunnel, Http2Stream stream, InboundDatagramSession session, IDatagramPeer pod, bool sourcePorts)
    {
        TunnelDatagramStream taken = new(tunnel, stream, session, observer, sourcePorts);
        responder.AcceptDatagrams(tunnel, stream, sourcePorts);
        session.Open(taken, pod);
    }
}
