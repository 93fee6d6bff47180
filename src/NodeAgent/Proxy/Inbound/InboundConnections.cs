using Culvert.Http2;
using Culvert.NodeAgent.Proxy.Connections;
using Culvert.NodeAgent.Proxy.Limits;
using Culvert.NodeAgent.Proxy.Loop;
using Culvert.NodeAgent.Proxy.Model;
using Culvert.NodeAgent.Proxy.ProxyProtocol;
using Culvert.NodeAgent.Proxy.Transport;
using Culvert.NodeAgent.Proxy.Tunnel;

namespace Culvert.NodeAgent.Proxy.Inbound;

/// <summary>Serves streams of bytes that arrive on one loop, each until it is over. Belongs to the loop's thread.</summary>
/// <param name="loop">The loop.</param>
/// <param name="guard">Policy, and the connections that run.</param>
/// <param name="admission">Admits those behind a load balancer's header.</param>
/// <param name="protocols">Serves what is admitted.</param>
/// <param name="applications">Connects to pods.</param>
/// <param name="responder">Answers requests.</param>
/// <param name="observer">Hears of streams that are refused.</param>
internal sealed class InboundConnections(
    EventLoop loop, ConnectionGuard guard, ConnectionAdmission admission, ProtocolHandlers protocols, ApplicationDialer applications, ConnectResponder responder, IProxyObserver observer)
{
    /// <summary>Connections that run, are being made or are being closed.</summary>
    internal int Running { get; private set; }

    /// <summary>Serves a stream until it is over.</summary>
    /// <param name="tunnel">The stream's tunnel.</param>
    /// <param name="stream">The stream.</param>
    /// <param name="info">What is known of it.</param>
    /// <param name="lease">The connection's place, which it gives back.</param>
    internal async Task ServeAsync(TunnelConnection tunnel, Http2Stream stream, ProxyConnectionInfo info, BudgetLease lease)
    {
        Running++;
        StreamTransport client = new(tunnel, stream);
        try
        {
            // A load balancer sends its header, which tells who the client is, when its stream has been answered; others are answered when the pod has.
            bool isBehindHeader = LoadBalancerHeader.IsExpected(info);
            if (isBehindHeader) responder.Send(tunnel, stream, ProxyFailure.None);
            ProxiedConnection? connection = isBehindHeader ? await admission.AdmitAsync(client, info) : Admit(tunnel, stream, client, info);
            if (connection is not null) await protocols.ServeAsync(connection, client, new InboundUpstream(applications, responder, tunnel, stream, client, isAnswered: isBehindHeader));
        }
        catch (Exception exception)
        {
            loop.ReportFault(exception);
            client.Reset(ProxyFailure.ProxyFault);
        }
        finally
        {
            Running--;
            lease.Dispose();
        }
    }

    private ProxiedConnection? Admit(TunnelConnection tunnel, Http2Stream stream, StreamTransport client, ProxyConnectionInfo info)
    {
        if (guard.TryAdmit(ref info, client, isDestinationHere: true, out ProxyFailure refusal) is { } connection) return connection;
        responder.Send(tunnel, stream, refusal);

        // What it still sends is nobody's (RFC 9113, section 8.1): it would be kept for a reader that there is not.
        client.Abort(refusal, Http2ErrorCode.NoError);
        observer.OnFailed(info, refusal, null);
        return null;
    }
}
