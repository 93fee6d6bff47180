using Culvert.Http2;
using Culvert.NodeAgent.Proxy.Connections;
using Culvert.NodeAgent.Proxy.Limits;
using Culvert.NodeAgent.Proxy.ProxyProtocol;
using Culvert.NodeAgent.Proxy.Tunnel;
using Culvert.NodeAgent.Proxy.Udp;

namespace Culvert.NodeAgent.Proxy.Inbound;

/// <summary>
/// One UDP session that came out of a tunnel, between its stream and the pod. It ends when the peer ends the stream, when nothing has passed for long, or when
/// it is aborted. A proxy that stops does not wait for it, as it would for a connection: nothing tells that a session is over. Belongs to its loop's thread.
/// </summary>
internal sealed class InboundDatagrams : DatagramSession, IDatagramSink, IDisposable
{
    private TunnelDatagramStream? _stream;
    private IDatagramPeer? _pod;

    private readonly BudgetLease _lease;

    private InboundDatagrams(ProxyContext context, BudgetLease lease)
        : base(context) => _lease = lease;

    /// <summary>Opens the way to the pod for a request that may go on, and answers it. The place in the budget passes to the session.</summary>
    /// <param name="context">What the loop shares.</param>
    /// <param name="lease">The session's place in the budget.</param>
    /// <param name="tunnel">The stream's tunnel.</param>
    /// <param name="stream">The stream.</param>
    /// <param name="headers">The request.</param>
    /// <param name="info">What is known of it.</param>
    /// <param name="connection">What the guard has registered; null for a load balancer, each of whose datagrams tells who the client is: policy is asked about those.</param>
    internal static void Open(
        ProxyContext context, BudgetLease lease, TunnelConnection tunnel, Http2Stream stream, HeaderList headers, in ProxyConnectionInfo info, ProxiedConnection? connection)
    {
        InboundDatagrams session = new(context, lease);
        bool behindProxyHeader = connection is null;
        bool sourcePorts = DatagramHeaders.HasSourcePort(headers);
        (ProxyFailure failure, string? detail) = (ProxyFailure.None, null);
        if (behindProxyHeader) session._pod = new BehindProxyHeaderPeer(context, info, new FromPod(session));
        bool opened = behindProxyHeader || session.TryOpenPod(info, out failure, out detail);
        HeaderList answer = context.Headers;
        answer.Clear();
        answer.AddStatus(opened ? 200 : 503);
        if (opened)
        {
            answer.Add("capsule-protocol"u8, "?1"u8);
            if (sourcePorts) DatagramHeaders.AddSourcePort(answer);
        }

        tunnel.ScheduleFlush();
        if (!opened)
        {
            tunnel.Http2.Refuse(stream, answer);
            lease.Dispose();
            connection?.Withdraw();
            context.Observer.OnFailed(info, failure, detail);
            return;
        }

        session._stream = new TunnelDatagramStream(tunnel, stream, session, context.Observer, sourcePorts);
        tunnel.Http2.SendHeaders(stream, answer, endStream: false);
        if (connection is not null) session.Report(connection);
        session.CloseWhenIdle(context.Options.DatagramStreamIdleTimeout);
    }

    /// <inheritdoc/>
    public override void Abort(ProxyFailure failure)
    {
        _stream?.Abort(failure, Http2ErrorCode.ConnectError);
        Close(failure);
    }

    /// <summary>Ends it in good order.</summary>
    public void Dispose() => Close(ProxyFailure.None);

    /// <summary>A datagram came out of the tunnel.</summary>
    /// <param name="payload">Its bytes.</param>
    /// <param name="sourcePort">Always 0: a client has one port.</param>
    void IDatagramSink.OnDatagram(ReadOnlySpan<byte> payload, ushort sourcePort)
    {
        if (IsClosed) return;
        MarkActive();
        if (_pod!.Send(payload)) CountSent(payload);
    }

    /// <inheritdoc/>
    void IDatagramSink.OnIdle() => _pod?.Flush();

    /// <inheritdoc/>
    void IDatagramSink.OnClosed(ProxyFailure failure) => Close(failure);

    /// <inheritdoc/>
    protected override void Release()
    {
        _pod?.Dispose();
        _stream?.Dispose();
        _lease.Dispose();
    }

    private bool TryOpenPod(in ProxyConnectionInfo info, out ProxyFailure failure, out string? detail)
    {
        UdpSocketPeer? pod = UdpSocketPeer.TryOpen(Context, info.Source, info.Target, new FromPod(this), out failure, out detail);
        if (pod is null) return false;
        _pod = HeaderedPeer.Wrap(Context, pod, info);
        return true;
    }

    private void OnAnswer(ReadOnlySpan<byte> payload, ushort sourcePort)
    {
        if (IsClosed) return;
        MarkActive();
        if (_stream!.Send(payload, sourcePort)) CountReceived(payload);
    }

    /// <summary>What the pod sends.</summary>
    private sealed class FromPod(InboundDatagrams session) : IDatagramSink
    {
        public void OnDatagram(ReadOnlySpan<byte> payload, ushort sourcePort) => session.OnAnswer(payload, sourcePort);

        public void OnIdle() => session._stream?.Flush();

        public void OnUnreachable() => session._stream?.SendUnreachable();

        public void OnClosed(ProxyFailure failure) => session.Abort(failure);
    }
}
