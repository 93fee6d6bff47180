using System.Text.Unicode;
using Culvert.Core;
using Culvert.Http2;
using Culvert.Interop.Sockets;
using Culvert.NodeAgent.Proxy.Connections;
using Culvert.NodeAgent.Proxy.ProxyProtocol;
using Culvert.NodeAgent.Proxy.Tunnel;

namespace Culvert.NodeAgent.Proxy.Udp;

/// <summary>The sessions of one loop: found by client and destination, made by route and policy. Belongs to the loop's thread.</summary>
/// <param name="context">What the loop shares.</param>
internal sealed class UdpSessions(ProxyContext context)
{
    private static readonly Action<HeaderList, (ProxyConnectionInfo Info, SocketEndPoint Tunnel)> WriteConnect = WriteConnectHeaders;

    private readonly Dictionary<UdpSessionKey, UdpSession> _sessions = [];
    private readonly List<UdpSession> _touched = [];
    // Oldest first. Each of a queue is forgotten after the same time, so those that are closed already stand in front.
    private readonly Queue<UdpSession> _refused = [];
    private readonly Queue<UdpSession> _failed = [];
    private UdpSession? _last;

    /// <summary>Sessions, and refusals remembered.</summary>
    internal int Count => _sessions.Count;

    /// <summary>Whether there is such a session.</summary>
    internal bool Contains(in UdpSessionKey key) => _sessions.ContainsKey(key);

    /// <summary>A captured datagram without its header.</summary>
    /// <param name="key">Client and destination.</param>
    /// <param name="external">Whether it came from outside the mesh, so that its source has no identity.</param>
    /// <param name="payload">Its bytes.</param>
    internal void OnDatagram(in UdpSessionKey key, bool external, ReadOnlySpan<byte> payload)
    {
        context.Udp.Counters.CountFromClient();
        UdpSession? session = _last;
        if (session is null || session.Key != key)
        {
            if (!_sessions.TryGetValue(key, out session))
            {
                // What a client is refused must not be what keeps others out.
                if (_sessions.Count >= context.Options.MaxUdpSessions && !TryForgetRefusal())
                {
                    context.Observer.OnDatagramDropped(DatagramDrop.SessionLimit);
                    return;
                }

                session = new UdpSession(this, context, key);
                _sessions.Add(key, session);
                Start(session, external);
                CountSessions();
            }

            _last = session.IsClosed ? null : session;
        }

        session.OnFromClient(payload);
        if (session.IsTouched) return;
        session.IsTouched = true;
        _touched.Add(session);
    }

    /// <summary>Lets go what sessions have gathered.</summary>
    internal void Flush()
    {
        foreach (UdpSession session in _touched)
        {
            session.IsTouched = false;
            session.FlushToPeer();
        }

        _touched.Clear();
    }

    /// <summary>The mesh has changed: refusals are forgotten, and sessions end whose way is no longer the one they would be given.</summary>
    internal void Recheck()
    {
        foreach (UdpSession session in _sessions.Values.ToArray())
        {
            if (session.IsRefused) session.Close(ProxyFailure.None);
            else if (!context.Directory.IsCurrent(session.Route, session.Key.Destination, TransportProtocol.Udp)) session.Close(ProxyFailure.RouteChanged);
        }
    }

    /// <summary>Ends all.</summary>
    internal void CloseAll()
    {
        foreach (UdpSession session in _sessions.Values.ToArray()) session.Close(ProxyFailure.Draining);
    }

    /// <summary>A session has been refused, and is kept only to remember that.</summary>
    /// <param name="session">The session.</param>
    /// <param name="failure">Why: what may pass is remembered for less long.</param>
    internal void OnRefused(UdpSession session, ProxyFailure failure)
    {
        RemoveClosed(_refused);
        RemoveClosed(_failed);
        if (_refused.Count + _failed.Count >= context.Options.MaxUdpRefusals) TryForgetRefusal();
        (Failures.IsTransient(failure) ? _failed : _refused).Enqueue(session);
    }

    private static void RemoveClosed(Queue<UdpSession> sessions)
    {
        while (sessions.TryPeek(out UdpSession? oldest) && oldest.IsClosed) sessions.Dequeue();
    }

    private bool TryForgetRefusal()
    {
        while (_failed.TryDequeue(out UdpSession? oldest) || _refused.TryDequeue(out oldest))
        {
            if (oldest.IsClosed) continue;
            oldest.Close(ProxyFailure.None);
            return true;
        }

        return false;
    }

    /// <summary>Forgets a session that has ended.</summary>
    internal void Remove(UdpSession session)
    {
        _sessions.Remove(session.Key);
        if (ReferenceEquals(_last, session)) _last = null;
        CountSessions();
    }

    private void Start(UdpSession session, bool external)
    {
        UdpSessionKey key = session.Key;
        IProxyDirectory directory = context.Directory;
        WorkloadInfo? source = external ? null : directory.FindLocalWorkload(key.Client);
        ProxyConnectionInfo info = new()
        {
            Id = context.NextId(),
            Protocol = TransportProtocol.Udp,
            Direction = external ? ProxyDirection.Inbound : ProxyDirection.Outbound,
            Source = key.Client,
            Destination = key.Destination,
            Target = key.Destination,
            SourceWorkload = source,
            SourceIdentity = source?.Identity,
        };
        if (source is null && !external)
        {
            (WorkloadInfo? workload, ServiceInfo? service) = directory.WhoIs(key.Destination, TransportProtocol.Udp);
            session.Refuse(info with { DestinationWorkload = workload, DestinationIdentity = workload?.Identity, Service = service }, ProxyFailure.UnknownSource, null);
            return;
        }

        OutboundRoute route = directory.Resolve(source, key.Client, key.Destination, TransportProtocol.Udp);
        if (external && route.Kind is not (OutboundRouteKind.Local or OutboundRouteKind.Deny))
            route = OutboundRoute.Deny(ProxyFailure.NoRoute, "from outside the mesh to no workload of this node");
        info = info.With(route);
        bool behindProxyHeader = route.Kind == OutboundRouteKind.Local && LoadBalancerHeader.IsExpected(info);
        bool trusted = behindProxyHeader && LoadBalancerHeader.IsTrusted(info);
        session.Use(context.LeaseFor(source, key.Client, trusted ? route.Destination : null));
        if (behindProxyHeader && !trusted)
            session.Refuse(info with { HeaderError = ProxyProtocolError.Untrusted }, ProxyFailure.ProxyProtocol, null);
        else if (route.Kind == OutboundRouteKind.Deny) session.Refuse(info, route.Failure, route.Detail);
        else if (Failures.FromBudget(session.TryTake()) is not ProxyFailure.None and var refusal) session.Refuse(info, refusal, "too many sessions");
        else if (behindProxyHeader) session.OpenBehindProxyHeader(route, new BehindProxyHeaderPeer(context, info, session));
        else if (route.Kind == OutboundRouteKind.Tunnel) _ = OpenTunnelAsync(session, route, info);
        else OpenPlain(session, route, info);
    }

    private void OpenPlain(UdpSession session, in OutboundRoute route, ProxyConnectionInfo info)
    {
        bool local = route.Kind == OutboundRouteKind.Local;
        (ProxyFailure failure, string? detail) = (ProxyFailure.PolicyDenied, null);
        ProxiedConnection? connection = local ? context.Guard.TryAdmit(ref info, client: null) : context.Guard.RegisterUnchecked(info, client: null);

        // Beyond the mesh nobody would bring the answers back here if they went to the client's address.
        SocketEndPoint? from = local ? info.Source : null;
        UdpSocketPeer? peer = connection is null ? null : UdpSocketPeer.TryOpen(context, from, route.Dial, session, out failure, out detail);
        if (connection is not null && peer is not null)
        {
            session.Open(route, HeaderedPeer.Wrap(context, peer, info), connection);
            return;
        }

        connection?.Withdraw();
        session.Refuse(info, failure, detail);
    }

    private async Task OpenTunnelAsync(UdpSession session, OutboundRoute route, ProxyConnectionInfo info)
    {
        session.Wait(route);
        ProxiedConnection connection = context.Guard.RegisterUnchecked(info, client: null);
        TunnelDatagramStream? stream = null;
        (ProxyFailure failure, string? detail) = (ProxyFailure.ProxyFault, null);
        try
        {
            TunnelKey key = new(info.SourceIdentity!, route.Dial, route.Destination!.Identity);
            (stream, failure, detail) = await context.Pool.OpenDatagramStreamAsync(key, context.Headers, WriteConnect, (info, route.Dial), session, context.Observer);
        }
        catch (Exception exception)
        {
            context.Loop.ReportFault(exception);
            detail = exception.Message;
        }

        if (session.IsClosed)
        {
            // Policy, routes or the proxy have changed while it was being made.
            connection.Withdraw();
            stream?.Dispose();
            return;
        }

        if (stream is not null)
        {
            session.Open(route, stream, connection);
            return;
        }

        connection.Withdraw();
        session.Refuse(info, failure, detail);
    }

    private static void WriteConnectHeaders(HeaderList headers, (ProxyConnectionInfo Info, SocketEndPoint Tunnel) request)
    {
        DatagramHeaders.WriteRequest(headers, request.Tunnel, request.Info.Target);
        Span<byte> text = stackalloc byte[SocketEndPoint.MaxTextLength + 8];
        Utf8.TryWrite(text, $"for=\"{request.Info.Source}\"", out int length);
        headers.Add("forwarded"u8, text[..length], neverIndexed: true);
        OriginalDestinationHeader.Write(headers, request.Info);
    }

    private void CountSessions() => context.Udp.Counters.SetSessions(_sessions.Count);
}
