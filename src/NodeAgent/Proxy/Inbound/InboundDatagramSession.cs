using Culvert.Http2;
using Culvert.NodeAgent.Proxy.Limits;
using Culvert.NodeAgent.Proxy.Loop;
using Culvert.NodeAgent.Proxy.Model;
using Culvert.NodeAgent.Proxy.Transport;
using Culvert.NodeAgent.Proxy.Tunnel;
using Culvert.NodeAgent.Proxy.Udp;

namespace Culvert.NodeAgent.Proxy.Inbound;

/// <summary>
/// One UDP session that came out of a tunnel, between its stream and the pod. It ends when the peer ends the stream, when nothing has passed for long, or when
/// it is aborted. A proxy that stops does not wait for it, as it would for a connection: nothing tells that a session is over. Belongs to its loop's thread.
/// </summary>
internal sealed class InboundDatagramSession : DatagramSession, IDatagramSink
{
    private readonly BudgetLease _lease;
    private TunnelDatagramStream? _stream;
    private IDatagramPeer? _pod;

    /// <summary>A session that is about to be opened.</summary>
    /// <param name="loop">The loop.</param>
    /// <param name="times">How long it is kept.</param>
    /// <param name="lease">Its place.</param>
    internal InboundDatagramSession(EventLoop loop, DatagramSessionTimes times, BudgetLease lease)
        : base(loop, times)
    {
        _lease = lease;
        Answers = new FromPod(this);
    }

    /// <summary>Hears what the pod answers; for the path to it, which is to be given to <see cref="Open"/>.</summary>
    internal IDatagramSink Answers { get; }

    /// <summary>Whether both ends are there: the stream has been answered.</summary>
    internal bool IsOpen => _stream is not null;

    /// <summary>Both ends are there.</summary>
    /// <param name="stream">The tunnel's end, for which this session is the sink.</param>
    /// <param name="pod">The pod's end, for which <see cref="Answers"/> is the sink.</param>
    internal void Open(TunnelDatagramStream stream, IDatagramPeer pod)
    {
        (_stream, _pod) = (stream, pod);
        CloseWhenIdle();
    }

    /// <inheritdoc/>
    public override void Abort(ProxyFailure failure)
    {
        _stream?.Abort(failure, Http2ErrorCode.ConnectError);
        Close(failure);
    }

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
        Release(_pod, _lease);
        _stream?.Dispose();
    }

    private void OnAnswer(ReadOnlySpan<byte> payload, ushort sourcePort)
    {
        if (IsClosed) return;
        MarkActive();
        if (_stream!.Send(payload, sourcePort)) CountReceived(payload);
    }

    /// <summary>What the pod sends.</summary>
    private sealed class FromPod(InboundDatagramSession session) : IDatagramSink
    {
        public void OnDatagram(ReadOnlySpan<byte> payload, ushort sourcePort) => session.OnAnswer(payload, sourcePort);

        public void OnIdle() => session._stream?.Flush();

        public void OnUnreachable() => session._stream?.SendUnreachable();

        public void OnClosed(ProxyFailure failure) => session.Abort(failure);
    }
}
