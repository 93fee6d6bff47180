using System.Runtime.CompilerServices;
using Culvert.Core;
using Culvert.Http2;
using Culvert.Interop.Sockets;
using Culvert.NodeAgent.Proxy.Limits;
using Culvert.NodeAgent.Proxy.Loop;
using Culvert.NodeAgent.Proxy.ProxyProtocol;
using Culvert.NodeAgent.Proxy.Relay;
using Culvert.NodeAgent.Proxy.Transport;
using Culvert.NodeAgent.Proxy.Tunnel;

namespace Culvert.NodeAgent.Proxy.Inbound;

/// <summary>CONNECT streams that arrive on one loop: checks, policy, then the pod, from the client's own address. On the loop's thread.</summary>
/// <param name="context">What the loop shares.</param>
internal sealed class InboundStreams(ProxyContext context) : IHttp2Requests<TunnelConnection>
{
    /// <inheritdoc/>
    public void OnRequest(TunnelConnection tunnel, Http2Stream stream, HeaderList headers, bool endStream)
    {
        int status = InboundRequest.Evaluate(context, tunnel, headers, out ProxyConnectionInfo info, out ProxyFailure failure);
        BudgetLease? lease = null;
        if (status == 200)
        {
            lease = new BudgetLease(context.Shared.Workloads, BudgetHolder.Of(info.DestinationWorkload!), info.Source);
            failure = Failures.FromBudget(lease.TryTake());
            if (failure != ProxyFailure.None) status = Failures.StatusOfBudget(failure);
        }

        if (lease is null || status != 200)
        {
            Answer(tunnel, stream, status);
            context.Seams.Observer.OnFailed(info, failure, null);
            return;
        }

        if (info.Protocol == TransportProtocol.Udp)
        {
            InboundDatagrams.Open(context, lease, tunnel, stream, headers, info);
            if (endStream) (stream.State as IHttp2StreamUser)?.OnData([], endStream: true);
            return;
        }

        StreamTransport client = new(tunnel, stream);
        if (endStream) client.OnData([], endStream: true);
        _ = RunAsync(tunnel, stream, client, info, lease);
    }

    private async Task RunAsync(TunnelConnection tunnel, Http2Stream stream, StreamTransport client, ProxyConnectionInfo info, BudgetLease lease)
    {
        context.Running++;
        try
        {
            await ConnectAsync(tunnel, stream, client, info);
        }
        catch (Exception exception)
        {
            context.Loop.ReportFault(exception);
            client.Abort(ProxyFailure.ProxyFault, Http2ErrorCode.InternalError);
        }
        finally
        {
            context.Running--;
            lease.Dispose();
        }
    }

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder))]
    private async ValueTask ConnectAsync(TunnelConnection tunnel, Http2Stream stream, StreamTransport client, ProxyConnectionInfo info)
    {
        ProxyOptions options = context.Options;
        bool answered = LoadBalancerHeader.IsExpected(info);
        if (answered)
        {
            // The load balancer sends its header when it has the answer.
            Answer(tunnel, stream, 200);
            ReceivedHeader header = await ProxyHeaderReceiver.ReceiveAsync(client, options.ProxyHeaderTimeout);
            info = LoadBalancerHeader.Apply(info, header);
            ProxyFailure refusal = Authorize(client, ref info);
            if (refusal != ProxyFailure.None)
            {
                client.Abort(refusal, Http2ErrorCode.ConnectError);
                context.Seams.Observer.OnFailed(info, refusal, null);
                return;
            }
        }

        bool possible = info.Source.IsIPv4 == info.Target.IsIPv4 && info.Source.WithPort(0) != info.Target.WithPort(0);
        SocketEndPoint? from = options.Transparent && possible ? info.Source : null;
        DialResult dial = await Dialer.ConnectAsync(
            context.Loop, info.Target, new DialOptions(options.ConnectTimeout, options.Mark, default, from, options.Transparent, OnNode: true, KeepAlive: options.ApplicationKeepAlive));
        if (dial.PortChanged) context.Seams.Observer.OnSourcePortChanged();
        if (client.IsClosed)
        {
            // The client has gone away in the meantime.
            dial.Socket?.Reset();
            context.Seams.Observer.OnFailed(info, client.Failure, null);
            return;
        }

        if (dial.Socket is not null && !HeaderSender.TrySend(dial.Socket, info))
        {
            dial.Socket.Reset();
            dial = new DialResult(null, SocketErrno.ConnectionReset, dial.PortChanged);
        }

        if (dial.Socket is null)
        {
            if (!answered) Answer(tunnel, stream, 503);
            client.Abort(Failures.FromConnect(dial.Error), answered ? Http2ErrorCode.ConnectError : Http2ErrorCode.NoError);
            context.Seams.Observer.OnFailed(info, Failures.FromConnect(dial.Error), $"connect to {info.Target}: {dial.Error}");
            return;
        }

        if (!answered) Answer(tunnel, stream, 200);
        ByteRelay relay = new(client, dial.Socket, info.Source, info.Target);
        ProxiedConnection connection = ProxiedConnection.Open(context, relay, info, authorized: true);
        await relay.RunAsync();
        connection.Close();
    }

    // Policy's answer about the client that the header names.
    private ProxyFailure Authorize(StreamTransport client, ref ProxyConnectionInfo info)
    {
        if (client.IsClosed && client.Failure != ProxyFailure.ProxyProtocol)
        {
            // The load balancer has gone away.
            info = info with { HeaderError = ProxyProtocolError.None };
            return client.Failure;
        }

        if (info.HeaderError != ProxyProtocolError.None) return ProxyFailure.ProxyProtocol;
        info = info with
        {
            Decision = context.Seams.Authorizer.Authorize(info.SourceIdentity, info.Source, info.DestinationWorkload!, info.Target.Port, info.Protocol),
        };
        return info.Decision.IsAllowed ? ProxyFailure.None : ProxyFailure.PolicyDenied;
    }

    private void Answer(TunnelConnection tunnel, Http2Stream stream, int status)
    {
        HeaderList headers = context.Headers;
        headers.Clear();
        headers.AddStatus(status);
        if (status == 200) tunnel.Http2.SendHeaders(stream, headers, endStream: false);
        else tunnel.Http2.Refuse(stream, headers);
        tunnel.ScheduleFlush();
    }
}
