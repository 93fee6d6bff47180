using Culvert.Core;
using Culvert.Interop.Sockets;
using Culvert.NodeAgent.Proxy.Loop;
using Culvert.NodeAgent.Proxy.Relay;
using Culvert.NodeAgent.Proxy.Udp;

namespace Culvert.NodeAgent.Proxy.ProxyProtocol;

/// <summary>One client behind a load balancer: policy, the application's socket from the client's address, idle time. Belongs to its loop's thread.</summary>
internal sealed class BalancedSession : IDatagramSink, IConnectionRelay
{
    private readonly ProxyContext _context;
    private readonly BalancerPeer _balancer;
    private readonly IDatagramSink _sink;
    private readonly SocketEndPoint _client;
    private readonly LoopTimer _idle;
    private IDatagramPeer? _peer;
    private ProxiedConnection? _connection;
    private long _lastActive;
    private bool _ended;

    internal BalancedSession(ProxyContext context, BalancerPeer balancer, IDatagramSink sink, in SocketEndPoint client)
    {
        (_context, _balancer, _sink, _client) = (context, balancer, sink, client);
        _idle = new LoopTimer(static state => ((BalancedSession)state!).CheckIdle(), this);
    }

    /// <summary>Set while it stands in the list of sessions to flush.</summary>
    internal bool IsTouched { get; set; }

    /// <inheritdoc/>
    public long BytesSent { get; private set; }

    /// <inheritdoc/>
    public long BytesReceived { get; private set; }

    /// <inheritdoc/>
    public ProxyFailure Failure { get; private set; }

    /// <summary>Asks policy about the client and opens the way to the application; a refusal is remembered for a while.</summary>
    internal void Open(ProxyConnectionInfo info)
    {
        Decision decision = _context.Seams.Authorizer.Authorize(info.SourceIdentity, info.Source, info.DestinationWorkload!, info.Target.Port, info.Protocol);
        info = info with { Decision = decision };
        (ProxyFailure failure, string? detail) = (ProxyFailure.PolicyDenied, null);
        UdpSocketPeer? socket = decision.IsAllowed ? UdpSocketPeer.TryOpen(_context, info.Source, info.Target, this, out failure, out detail) : null;
        _lastActive = _context.Loop.NowMilliseconds;
        if (socket is null)
        {
            _context.Seams.Observer.OnFailed(info, failure, detail);
            _context.Loop.Schedule(_idle, _context.Options.UdpRefusalTime);
            return;
        }

        _peer = HeaderedPeer.Wrap(_context, socket, info);
        _connection = ProxiedConnection.Open(_context, this, info, authorized: true);
        _context.Loop.Schedule(_idle, _context.Options.UdpIdleTimeout);
    }

    /// <summary>A datagram of the client, without its header.</summary>
    internal bool Send(ReadOnlySpan<byte> payload)
    {
        if (_peer is null)
        {
            _context.Seams.Observer.OnDatagramDropped(DatagramDrop.SessionRefused);
            return false;
        }

        _lastActive = _context.Loop.NowMilliseconds;
        if (!_peer.Send(payload)) return false;
        BytesSent += payload.Length;
        return true;
    }

    /// <summary>Lets go what has gathered.</summary>
    internal void Flush()
    {
        IsTouched = false;
        if (!_ended) _peer?.Flush();
    }

    /// <inheritdoc/>
    public void OnDatagram(ReadOnlySpan<byte> payload, ushort sourcePort)
    {
        if (_ended) return;
        _lastActive = _context.Loop.NowMilliseconds;
        BytesReceived += payload.Length;
        _sink.OnDatagram(payload, sourcePort);
    }

    /// <inheritdoc/>
    public void OnIdle() => _sink.OnIdle();

    /// <inheritdoc/>
    public void OnClosed(ProxyFailure failure) => Abort(failure);

    /// <inheritdoc/>
    public void Abort(ProxyFailure failure)
    {
        if (_ended) return;
        (_ended, Failure) = (true, failure);
        _context.Loop.Timers.Cancel(_idle);
        _balancer.Remove(_client);
        _peer?.Dispose();
        _connection?.Close();
    }

    private void CheckIdle()
    {
        TimeSpan left = _context.Options.UdpIdleTimeout - TimeSpan.FromMilliseconds(_context.Loop.NowMilliseconds - _lastActive);
        if (_peer is null || left <= TimeSpan.Zero) Abort(ProxyFailure.None);
        else _context.Loop.Schedule(_idle, left);
    }
}
