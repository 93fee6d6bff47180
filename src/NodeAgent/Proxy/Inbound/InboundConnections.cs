using Culvert.Http2;
using Culvert.NodeAgent.Proxy.Connections;
using Culvert.NodeAgent.Proxy.Limits;
using Culvert.NodeAgent.Proxy.Loop;
using Culvert.NodeAgent.Proxy.Transport;
using Culvert.NodeAgent.Proxy.Tunnel;

namespace Culvert.NodeAgent.Proxy.Inbound;

/// <summary>Serves streams of bytes that arrive on one loop, each until it is over. Belongs to the loop's thread.</summary>
/// <param name="loop">The loop.</param>
/// <param name="admission">Admits those behind a load balancer's header.</param>
/// <param name="protocols">Serves what is admitted.</param>
/// <param name="applications">Connects to pods.</param>
/// <param name="answers">Answers requests.</param>
internal sealed class InboundConnections(EventLoop loop, ConnectionAdmission admission, ProtocolHandlers protocols, ApplicationDialer applications, ConnectResponder answers)
{
    /// <summary>Connections that run, are being made or are being closed.</summary>
    internal int Running { get; private set; }

    /// <summary>Serves a stream until it is over.</summary>
    /// <param name="tunnel">The stream's tunnel.</param>
    /// <param name="stream">The stream.</param>
    /// <param name="client">The stream as a transport; owned from here on.</param>
    /// <param name="info">What is known of it.</param>
    /// <param name="admitted">What the guard has registered; null behind a load balancer's header, which is sent only after the answer and tells who the client is.</param>
    /// <param name="lease">The connection's place, which it gives back.</param>
    internal async Task ServeAsync(TunnelConnection tunnel, Http2Stream stream, StreamTransport client, ProxyConnectionInfo info, ProxiedConnection? admitted, BudgetLease lease)
    {
        Running++;
        try
        {
            if (admitted is null) answers.Send(tunnel, stream, 200);
            if ((admitted ?? await admission.AdmitAsync(client, info)) is { } connection)
                await protocols.ServeAsync(connection, client, new InboundUpstream(applications, answers, tunnel, stream, client, isAnswered: admitted is null));
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
}
