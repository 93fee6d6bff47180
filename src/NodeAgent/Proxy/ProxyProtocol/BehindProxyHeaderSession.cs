using Culvert.Interop.Sockets;
using Culvert.NodeAgent.Proxy.Connections;
using Culvert.NodeAgent.Proxy.Limits;
using Culvert.NodeAgent.Proxy.Udp;

namespace Culvert.NodeAgent.Proxy.ProxyProtocol;

/// <summary>One client behind a load balancer's PROXY header: policy, the application's socket from the client's address, idle time. Belongs to its loop's thread.</summary>
internal sealed class BehindProxyHeaderSession : DatagramSession, IDatagramSink
{
    private readonly BehindProxyHeaderPeer _loadBalancer;
    private readonly IDatagramSink _sink;
    private readonly SocketEndPoint _client;
    private readonly BudgetLease _lease;
    private IDatagramPeer? _peer;

    internal BehindProxyHeaderSession(ProxyContext context, BehindProxyHeaderPeer loadBalancer, IDatagramSink sink, in SocketEndPoint client, BudgetLease lease)
        : base(context) => (_loadBalancer, _sink, _client, _lease) = (loadBalancer, sink, client, lease);

    /// <summary>Set while it stands in the list of sessions to flush.</summary>
    internal bool IsTouched { get; set; }

    /// <summary>Asks policy about the client and opens the way to the application; a refusal is remembered for a while.</summary>
    internal void Open(ProxyConnectionInfo info)
    {
        (ProxyFailure failure, string? detail) = (ProxyFailure.PolicyDenied, null);
        ProxiedConnection? connection = Context.Guard.TryAdmit(ref info, client: null);
        UdpSocketPeer? socket = connection is null ? null : UdpSocketPeer.TryOpen(Context, info.Source, info.Target, this, out failure, out detail);
        if (connection is null || socket is null)
        {
            connection?.Withdraw();
            Context.Observer.OnFailed(info, failure, detail);
            CloseAfterFailure(failure);
            return;
        }

        _peer = HeaderedPeer.Wrap(Context, socket, info);
        Report(connection);
        CloseWhenIdle(Context.Options.UdpIdleTimeout);
    }

    /// <summary>A datagram of the client, without its header.</summary>
    internal bool Send(ReadOnlySpan<byte> payload)
    {
        if (_peer is null)
        {
            Context.Observer.OnDatagramDropped(DatagramDrop.SessionRefused);
            return false;
        }

        MarkActive();
        if (!_peer.Send(payload)) return false;
        CountSent(payload);
        return true;
    }

    /// <summary>Lets go what has gathered.</summary>
    internal void Flush()
    {
        IsTouched = false;
        if (!IsClosed) _peer?.Flush();
    }

    /// <inheritdoc/>
    public void OnDatagram(ReadOnlySpan<byte> payload, ushort sourcePort)
    {
        if (IsClosed) return;
        MarkActive();
        CountReceived(payload);
        _sink.OnDatagram(payload, sourcePort);
    }

    /// <inheritdoc/>
    public void OnIdle() => _sink.OnIdle();

    /// <inheritdoc/>
    public void OnClosed(ProxyFailure failure) => Close(failure);

    /// <inheritdoc/>
    protected override void Release()
    {
        _loadBalancer.Remove(_client);
        _lease.Dispose();
        _peer?.Dispose();
    }
}
