using Culvert.NodeAgent.Proxy.Loop;
using Culvert.NodeAgent.Proxy.ProxyProtocol;
using Culvert.NodeAgent.Proxy.Relay;

namespace Culvert.NodeAgent.Proxy.Udp;

/// <summary>
/// One client and one destination: a peer towards the application, and, once there is an answer, a socket towards the client
/// that speaks from the destination's address. Belongs to its loop's thread.
/// </summary>
internal sealed class UdpSession : IDatagramSink, IConnectionRelay
{
    private readonly UdpSessions _sessions;
    private readonly ProxyContext _context;
    private readonly LoopTimer _idle;
    private UdpClientSide? _client;
    private IDatagramPeer? _peer;
    private UdpPending? _pending;
    private ProxiedConnection? _connection;
    private ProxyConnectionInfo _info;
    private long _lastActive;
    private bool _counted;

    internal UdpSession(UdpSessions sessions, ProxyContext context, in UdpSessionKey key)
    {
        (_sessions, _context, Key) = (sessions, context, key);
        _idle = new LoopTimer(static state => ((UdpSession)state!).OnTimer(), this);
        _lastActive = context.Loop.NowMilliseconds;
    }

    internal UdpSessionKey Key { get; }

    /// <summary>How it goes on.</summary>
    internal OutboundRoute Route { get; private set; }

    /// <summary>Whether it only remembers, for a while, that its datagrams are refused.</summary>
    internal bool IsRefused { get; private set; }

    internal bool IsClosed { get; private set; }

    /// <summary>Set while it stands in the list of sessions to flush.</summary>
    internal bool IsTouched { get; set; }

    /// <inheritdoc/>
    public long BytesSent { get; private set; }

    /// <inheritdoc/>
    public long BytesReceived { get; private set; }

    /// <inheritdoc/>
    public ProxyFailure Failure { get; private set; }

    /// <summary>Remembers a refusal for a while, so that a flood of datagrams costs one look-up and one record.</summary>
    internal void Refuse(in ProxyConnectionInfo info, ProxyFailure failure, string? detail)
    {
        if (_counted) _context.UdpBudget.Release();
        if (_pending is { Payloads.Count: > 0 }) _context.Seams.Observer.OnDatagramDropped(DatagramDrop.SessionRefused, _pending.Payloads.Count);
        (IsRefused, _info, _pending, _counted) = (true, info, null, false);
        _context.Seams.Observer.OnFailed(info, failure, detail);
        _context.Loop.Schedule(_idle, _context.Options.UdpRefusalTime);
    }

    /// <summary>The way is being made; datagrams wait, a few.</summary>
    internal void Wait(in OutboundRoute route) => (Route, _pending, _counted) = (route, new UdpPending(), true);

    /// <summary>The way is there.</summary>
    /// <param name="route">How it goes on.</param>
    /// <param name="peer">The way; disposed with the session.</param>
    /// <param name="info">What is known of it.</param>
    /// <param name="authorized">Whether policy was asked here.</param>
    internal void Open(in OutboundRoute route, IDatagramPeer peer, in ProxyConnectionInfo info, bool authorized)
    {
        (Route, _peer, _info, _counted) = (route, peer, info, true);
        route.Load?.Add();
        _connection = ProxiedConnection.Open(_context, this, info, authorized);
        _context.Loop.Schedule(_idle, _context.Options.UdpIdleTimeout);
        UdpPending? pending = _pending;
        _pending = null;
        if (pending is null) return;
        foreach (byte[] payload in pending.Payloads) OnFromClient(payload);
        _peer?.Flush();
    }

    /// <summary>The way is there for a load balancer, whose clients are sessions of their own and reported as such.</summary>
    /// <param name="route">How it goes on.</param>
    /// <param name="peer">The way; disposed with the session.</param>
    internal void OpenBalanced(in OutboundRoute route, BalancerPeer peer)
    {
        (Route, _peer, _counted) = (route, peer, true);
        route.Load?.Add();
        _context.Loop.Schedule(_idle, _context.Options.UdpIdleTimeout);
    }

    /// <summary>A datagram of the client.</summary>
    internal void OnFromClient(ReadOnlySpan<byte> payload)
    {
        if (_peer is null)
        {
            if (_pending is null) _context.Seams.Observer.OnDatagramDropped(DatagramDrop.SessionRefused);
            else if (!_pending.TryAdd(payload)) _context.Seams.Observer.OnDatagramDropped(DatagramDrop.SessionOpening);
            return;
        }

        _lastActive = _context.Loop.NowMilliseconds;
        if (_peer.Send(payload)) BytesSent += payload.Length;
    }

    /// <summary>The client has no more datagrams for now.</summary>
    internal void FlushToPeer() => _peer?.Flush();

    /// <inheritdoc/>
    public void OnDatagram(ReadOnlySpan<byte> payload, ushort sourcePort)
    {
        if (IsClosed) return;
        _lastActive = _context.Loop.NowMilliseconds;
        _client ??= new UdpClientSide(_context, this);
        if (_client.Send(payload, sourcePort)) BytesReceived += payload.Length;
    }

    /// <inheritdoc/>
    public void OnIdle() => _client?.Flush();

    /// <inheritdoc/>
    public void OnUnreachable()
    {
        if (!IsClosed) _context.TellUnreachable(Key.Client, Key.Destination);
    }

    /// <inheritdoc/>
    public void OnClosed(ProxyFailure failure) => Close(failure);

    /// <inheritdoc/>
    public void Abort(ProxyFailure failure) => Close(failure);

    /// <summary>Ends it; the client's next datagram makes another one.</summary>
    internal void Close(ProxyFailure failure)
    {
        if (IsClosed) return;
        (IsClosed, Failure) = (true, failure);
        _context.Loop.Timers.Cancel(_idle);
        _sessions.Remove(this, _counted);
        if (_peer is not null) Route.Load?.Release();
        _peer?.Dispose();
        _client?.Dispose();
        _connection?.Close();
    }

    private void OnTimer()
    {
        if (IsRefused)
        {
            Close(ProxyFailure.None);
            return;
        }

        long left = (long)_context.Options.UdpIdleTimeout.TotalMilliseconds - (_context.Loop.NowMilliseconds - _lastActive);
        if (left <= 0) Close(ProxyFailure.None);
        else _context.Loop.Schedule(_idle, TimeSpan.FromMilliseconds(left));
    }
}
