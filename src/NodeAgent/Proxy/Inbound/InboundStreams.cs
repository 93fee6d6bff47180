using Culvert.Core;
using Culvert.Http2;
using Culvert.NodeAgent.Proxy.Connections;
using Culvert.NodeAgent.Proxy.Limits;
using Culvert.NodeAgent.Proxy.ProxyProtocol;
using Culvert.NodeAgent.Proxy.Transport;
using Culvert.NodeAgent.Proxy.Tunnel;

namespace Culvert.NodeAgent.Proxy.Inbound;

/// <summary>CONNECT streams that arrive on one loop: checks, policy, then the pod, from the client's own address. On the loop's thread.</summary>
/// <param name="context">What the loop shares.</param>
internal sealed class InboundStreams(ProxyContext context) : IHttp2Requests<TunnelConnection>
{
    private readonly InboundAnswers _answers = new(context.Headers);

    /// <inheritdoc/>
    public void OnRequest(TunnelConnection tunnel, Http2Stream stream, HeaderList headers, bool endStream)
    {
        int status = InboundRequest.Evaluate(context, tunnel, headers, out ProxyConnectionInfo info, out ProxyFailure failure);
        bool isBehindHeader = status == 200 && LoadBalancerHeader.IsExpected(info);
        StreamTransport? client = status == 200 && info.Protocol == TransportProtocol.Tcp ? new StreamTransport(tunnel, stream) : null;
        ProxiedConnection? connection = null;
        if (status == 200 && !isBehindHeader)
        {
            connection = context.Guard.TryAdmit(ref info, client);
            if (connection is null) (status, failure) = (401, ProxyFailure.PolicyDenied);
        }

        BudgetLease? lease = null;
        if (status == 200)
        {
            lease = new BudgetLease(context.Shared.Workloads, BudgetHolder.Of(info.DestinationWorkload!), info.Source);
            failure = Failures.FromBudget(lease.TryTake());
            if (failure != ProxyFailure.None) status = Failures.StatusOfBudget(failure);
        }

        if (lease is null || status != 200)
        {
            connection?.Withdraw();
            _answers.Send(tunnel, stream, status);
            context.Observer.OnFailed(info, failure, null);
            return;
        }

        if (client is null)
        {
            InboundDatagrams.Open(context, lease, tunnel, stream, headers, info, connection);
            if (endStream) (stream.State as IHttp2StreamUser)?.OnData([], endStream: true);
            return;
        }

        if (endStream) client.OnData([], endStream: true);
        _ = ServeAsync(tunnel, stream, client, info, connection, lease);
    }

    private async Task ServeAsync(TunnelConnection tunnel, Http2Stream stream, StreamTransport client, ProxyConnectionInfo info, ProxiedConnection? admitted, BudgetLease lease)
    {
        context.Running++;
        try
        {
            // Where a load balancer's header tells who the client is, it is sent only after the answer.
            ProxiedConnection? connection = admitted;
            if (connection is null)
            {
                _answers.Send(tunnel, stream, 200);
                info = await LoadBalancerHeader.ReceiveAsync(client, info, context.Options.ProxyHeaderTimeout);
                connection = TryAdmit(client, ref info);
            }

            if (connection is not null)
                await context.Protocols.ServeAsync(connection, client, new InboundUpstream(context.Applications, _answers, tunnel, stream, client, isAnswered: admitted is null));
        }
        catch (Exception exception)
        {
            context.Loop.ReportFault(exception);
            client.Reset(ProxyFailure.ProxyFault);
        }
        finally
        {
            context.Running--;
            lease.Dispose();
        }
    }

    // Policy's answer about the client that the header names.
    private ProxiedConnection? TryAdmit(StreamTransport client, ref ProxyConnectionInfo info)
    {
        ProxyFailure refusal = ProxyFailure.ProxyProtocol;
        if (client.IsClosed && client.Failure != ProxyFailure.ProxyProtocol)
        {
            // The load balancer has gone away.
            info = info with { HeaderError = ProxyProtocolError.None };
            refusal = client.Failure;
        }
        else if (info.HeaderError == ProxyProtocolError.None)
        {
            if (context.Guard.TryAdmit(ref info, client) is { } connection) return connection;
            refusal = ProxyFailure.PolicyDenied;
        }

        client.Abort(refusal, Http2ErrorCode.ConnectError);
        context.Observer.OnFailed(info, refusal, null);
        return null;
    }
}
