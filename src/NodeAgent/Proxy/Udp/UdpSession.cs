using Culvert.Core;
using Culvert.Interop.Sockets;
using Culvert.NodeAgent.Proxy.Connections;
using Culvert.NodeAgent.Proxy.Limits;
using Culvert.NodeAgent.Proxy.Model;
using Culvert.NodeAgent.Proxy.Transport;

namespace Culvert.NodeAgent.Proxy.Udp;

/// <summary>
/// One client and one destination: a peer towards the application, and, once there is an answer, a socket towards the client
/// that speaks from the destination's address. Belongs to its loop's thread.
/// </summary>
internal sealed class UdpSession : DatagramSession, IDatagramSink
{
    private readonly UdpSessions _sessions;
    private readonly UdpSessionParts _parts;
    private UdpClientSide? _client;
    private IDatagramPeer? _peer;
    private UdpPending? _pending;
    private BudgetLease? _lease;
    private RefusalAnswers? _answers;

    /// <summary>A session whose upstream is not open yet.</summary>
    /// <param name="sessions">Where it is found.</param>
    /// <param name="key">What it is found by.</param>
    /// <param name="drawn">The backend that the kernel has drawn for it; null: the proxy is to choose.</param>
    /// <param name="parts">What it shares with others.</param>
    internal UdpSession(UdpSessions sessions, in UdpSessionKey key, in SocketEndPoint? drawn, UdpSessionParts parts)
        : base(parts.Loop, parts.Times) => (_sessions, Key, Drawn, _parts) = (sessions, key, drawn, parts);

    /// <summary>What it is found by.</summary>
    internal UdpSessionKey Key { get; }

    /// <summary>
    /// The backend that the kernel has drawn, and no other is taken. The node's rules see the session's datagrams with its address in the place of the destination's, and have to see the answers so, too.
    /// Null: the proxy chooses, and nothing is translated.
    /// </summary>
    internal SocketEndPoint? Drawn { get; }

    /// <summary>The workload whose session it is; null from outside the mesh, or where none has the client's address.</summary>
    internal WorkloadInfo? Source { get; set; }

    /// <summary>How it goes on.</summary>
    internal OutboundRoute Route { get; private set; }

    /// <summary>Whether it only remembers, for a while, that its datagrams are refused.</summary>
    internal bool IsRefused { get; private set; }

    /// <summary>Set while it stands in the list of sessions to flush.</summary>
    internal bool IsTouched { get; set; }

    /// <summary>Takes a place for one socket; the first for the session itself.</summary>
    internal BudgetResult TryTake() => _lease!.TryTake();

    /// <summary>Opens a socket towards the client; null when there is no place for it, or the kernel refuses.</summary>
    /// <param name="otherPort">The port it speaks from; 0: the one that the client has asked. A session by a tunnel has no other socket, so this one has the session's own place.</param>
    /// <param name="sink">Hears what comes to it.</param>
    internal UdpSocketPeer? OpenForClient(ushort otherPort, IDatagramSink sink)
    {
        bool hasPlace = otherPort == 0 && Route.Kind == OutboundRouteKind.Tunnel;
        if (!hasPlace && TryTake() != BudgetResult.Taken) return null;
        SocketEndPoint? service = Drawn is null ? null : WithPort(Key.Destination, otherPort);
        UdpSocketPeer? socket = _parts.Dialer.OpenForClient(WithPort(Drawn ?? Key.Destination, otherPort), Key.Client, service, Key.Space, sink);
        if (socket is null && !hasPlace) _lease!.GiveBack();
        return socket;
    }

    private static SocketEndPoint WithPort(in SocketEndPoint address, ushort otherPort) => otherPort == 0 ? address : address.WithPort(otherPort);

    /// <summary>Says in whose name the session takes places.</summary>
    internal void Use(BudgetLease lease) => _lease = lease;

    /// <summary>
    /// Remembers a refusal for a while, so that a flood of datagrams costs one look-up and one record. Where the table of reasons says so, the client is told: of
    /// datagrams that waited now, of others when they come.
    /// </summary>
    internal void Refuse(in ProxyConnectionInfo info, ProxyFailure failure, string? detail)
    {
        _lease?.Dispose();
        if (ProxyFailures.IsAnsweredUnreachable(failure)) _answers = new RefusalAnswers(Loop, _parts.Unreachable, Key, Drawn);
        int waiting = _pending?.Payloads.Count ?? 0;
        _pending?.Clear();
        (IsRefused, _pending) = (true, null);
        if (waiting > 0) _parts.Observer.OnDatagramDropped(DatagramDrop.SessionRefused, waiting);
        for (int i = 0; i < waiting; i++) _answers?.Answer();
        _parts.Observer.OnFailed(info, failure, detail);
        CloseAfterFailure(failure);
        _sessions.OnRefused(this, failure);
    }

    /// <summary>The path is being made; datagrams wait, a few.</summary>
    internal void Wait(in OutboundRoute route) => (Route, _pending) = (route, new UdpPending(_parts.Io));

    /// <summary>The upstream is open.</summary>
    /// <param name="route">How it goes on.</param>
    /// <param name="peer">The path; disposed with the session.</param>
    /// <param name="connection">What the guard has registered.</param>
    internal void Open(in OutboundRoute route, IDatagramPeer peer, ProxiedConnection connection)
    {
        (Route, _peer) = (route, peer);
        route.Load?.Add();
        Report(connection);
        CloseWhenIdle();
        UdpPending? pending = _pending;
        _pending = null;
        if (pending is null) return;
        try
        {
            foreach (byte[] payload in pending.Payloads) OnFromClient(payload);
        }
        finally
        {
            pending.Clear();
        }

        _peer?.Flush();
    }

    /// <summary>The upstream is open for a load balancer, whose clients are sessions of their own and reported as such.</summary>
    /// <param name="route">How it goes on.</param>
    /// <param name="peer">The path; disposed with the session.</param>
    internal void OpenBehindProxyHeader(in OutboundRoute route, BehindProxyHeaderPeer peer)
    {
        (Route, _peer) = (route, peer);
        route.Load?.Add();
        CloseWhenIdle();
    }

    /// <summary>A datagram of the client.</summary>
    internal void OnFromClient(ReadOnlySpan<byte> payload)
    {
        if (_peer is null)
        {
            if (_pending is null) DropRefused();
            else if (!_pending.TryAdd(payload)) _parts.Observer.OnDatagramDropped(DatagramDrop.SessionOpening);
            return;
        }

        MarkActive();
        if (_peer.Send(payload)) CountSent(payload);
    }

    /// <summary>The client has no more datagrams for now.</summary>
    internal void FlushToPeer() => _peer?.Flush();

    /// <inheritdoc/>
    public void OnDatagram(ReadOnlySpan<byte> payload, ushort sourcePort)
    {
        if (IsClosed) return;
        MarkActive();
        _client ??= new UdpClientSide(this, _parts.Io.Counters, _parts.Observer);
        if (_client.Send(payload, sourcePort)) CountReceived(payload);
    }

    /// <inheritdoc/>
    public void OnIdle() => _client?.Flush();

    /// <inheritdoc/>
    public void OnUnreachable()
    {
        if (!IsClosed) _parts.Unreachable.Tell(Key, Drawn);
    }

    /// <inheritdoc/>
    public void OnClosed(ProxyFailure failure) => Close(failure);

    private void DropRefused()
    {
        _parts.Observer.OnDatagramDropped(DatagramDrop.SessionRefused);
        _answers?.Answer();
    }

    /// <inheritdoc/>
    protected override void Release()
    {
        _sessions.Remove(this);

        // The next datagram may be drawn another backend; but the next agent goes on with the one that this session had.
        if (Failure != ProxyFailure.Draining && (Drawn is not null || Route.Service is not null)) _parts.Draws.Forget(Key, Drawn);
        _pending?.Clear();
        if (_peer is not null) Route.Load?.Release();
        Release(_peer, _lease);
        _client?.Dispose();
    }
}
