using Culvert.Interop.Sockets;
using Culvert.NodeAgent.Proxy.Connections;
using Culvert.NodeAgent.Proxy.Limits;
using Culvert.NodeAgent.Proxy.Loop;
using Culvert.NodeAgent.Proxy.Model;
using Culvert.NodeAgent.Proxy.Transport;

namespace Culvert.NodeAgent.Proxy.Udp;

/// <summary>One client behind a load balancer's PROXY header: policy, the application's socket from the client's address, idle time. Belongs to its loop's thread.</summary>
internal sealed class BehindProxyHeaderSession : DatagramSession, IDatagramSink
{
    private readonly BehindProxyHeaderPeer _loadBalancer;
    private readonly IDatagramSink _sink;
    private readonly SocketEndPoint _client;
    private readonly BudgetLease _lease;
    private IDatagramPeer? _peer;

    /// <summary>A session whose upstream is not open yet.</summary>
    /// <param name="loop">The loop.</param>
    /// <param name="times">How long sessions are kept.</param>
    /// <param name="loadBalancer">Where it is found.</param>
    /// <param name="client">What it is found by.</param>
    /// <param name="lease">Its place.</param>
    /// <param name="sink">Hears what the application answers.</param>
    internal BehindProxyHeaderSession(EventLoop loop, DatagramSessionTimes times, BehindProxyHeaderPeer loadBalancer, in SocketEndPoint client, BudgetLease lease, IDatagramSink sink)
        : base(loop, times) => (_loadBalancer, _sink, _client, _lease) = (loadBalancer, sink, client, lease);

    /// <summary>Set while it stands in the list of sessions to flush.</summary>
    internal bool IsTouched { get; set; }

    /// <summary>Whether it only remembers, for a while, that its datagrams are refused.</summary>
    internal bool IsRefused => _peer is null;

    /// <summary>The upstream is open.</summary>
    /// <param name="peer">The path; disposed with the session.</param>
    /// <param name="connection">What the guard has registered.</param>
    internal void Open(IDatagramPeer peer, ProxiedConnection connection)
    {
        _peer = peer;
        Report(connection);
        CloseWhenIdle();
    }

    /// <summary>Refused; the refusal is cached.</summary>
    internal void Refuse(ProxyFailure failure) => CloseAfterFailure(failure);

    /// <summary>A datagram of the client, without its header; of a session that has a path.</summary>
    internal bool Send(ReadOnlySpan<byte> payload)
    {
        MarkActive();
        if (!_peer!.Send(payload)) return false;
        CountSent(payload);
        return true;
    }

    /// <summary>Sends what has been batched.</summary>
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
        Release(_peer, _lease);
    }
}
