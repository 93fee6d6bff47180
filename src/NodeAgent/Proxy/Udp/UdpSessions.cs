using Culvert.Core;
using Culvert.Interop.Sockets;
using Culvert.NodeAgent.Proxy.Model;

namespace Culvert.NodeAgent.Proxy.Udp;

/// <summary>The sessions of one loop, found by client and destination. Belongs to the loop's thread.</summary>
/// <param name="most">How many there may be, refusals that are remembered included.</param>
/// <param name="mostRefusals">How many refusals are remembered.</param>
/// <param name="directory">Routes.</param>
/// <param name="parts">What they share.</param>
/// <param name="opener">Opens new ones.</param>
internal sealed class UdpSessions(int most, int mostRefusals, IProxyDirectory directory, UdpSessionParts parts, UdpSessionOpener opener)
{
    private readonly Dictionary<UdpSessionKey, UdpSession> _sessions = [];
    private readonly List<UdpSession> _touched = [];
    // Those with a drawn backend, by the addresses of their datagrams.
    private readonly Dictionary<(SocketEndPoint Client, SocketEndPoint Backend), UdpSession> _translated = [];
    // Oldest first. Each of a queue is forgotten after the same time, so those that are closed already stand in front.
    private readonly Queue<UdpSession> _refused = [];
    private readonly Queue<UdpSession> _failed = [];
    private UdpSession? _last;

    /// <summary>Sessions, and refusals remembered.</summary>
    internal int Count => _sessions.Count;

    /// <summary>Whether there is such a session.</summary>
    internal bool Contains(in UdpSessionKey key) => _sessions.ContainsKey(key);

    /// <summary>A captured datagram that had a header, without it.</summary>
    /// <param name="key">Client and destination.</param>
    /// <param name="external">Whether it came from outside the mesh, so that its source has no identity.</param>
    /// <param name="drawn">The backend that the kernel has drawn for it, and addressed it to; null: none.</param>
    /// <param name="payload">Its bytes.</param>
    internal void OnDatagram(in UdpSessionKey key, bool external, in SocketEndPoint? drawn, ReadOnlySpan<byte> payload)
    {
        UdpSession? session = Find(key);
        if (session is not null && session.Drawn != drawn)
        {
            // The kernel has forgotten, or given up, what it had drawn.
            session.Close(ProxyFailure.RouteChanged);
            session = null;
        }

        Take(session ?? TryOpen(key, external, drawn), payload);
    }

    /// <summary>A captured datagram that had none.</summary>
    /// <param name="key">Client and destination.</param>
    /// <param name="external">Whether it came from outside the mesh.</param>
    /// <param name="payload">Its bytes.</param>
    internal void OnPlainDatagram(in UdpSessionKey key, bool external, ReadOnlySpan<byte> payload) =>
        Take(Find(key) ?? TryOpen(key, external, external ? null : parts.Draws.FindBackend(key)), payload);

    /// <summary>The Service that a pod has asked whose datagram came without a header and with the address of the backend that was drawn; null when it was asked itself.</summary>
    /// <param name="client">The pod's address and port.</param>
    /// <param name="destination">Where the datagram was sent to.</param>
    internal SocketEndPoint? FindService(in SocketEndPoint client, in SocketEndPoint destination) =>
        _translated.TryGetValue((client, destination), out UdpSession? session) ? session.Key.Destination : parts.Draws.FindService(client, destination);

    private UdpSession? Find(in UdpSessionKey key)
    {
        if (_last is { } last && last.Key == key) return last;
        return _sessions.TryGetValue(key, out UdpSession? session) ? _last = session : null;
    }

    private UdpSession? TryOpen(in UdpSessionKey key, bool external, in SocketEndPoint? drawn)
    {
        // What a client is refused must not be what keeps others out.
        if (_sessions.Count >= most && !TryForgetRefusal())
        {
            parts.Observer.OnDatagramDropped(DatagramDrop.SessionLimit);
            return null;
        }

        UdpSession session = new(this, key, drawn, parts);
        _sessions.Add(key, session);
        if (drawn is { } backend) _translated[(key.Client, backend)] = session;
        opener.Open(session, external);
        CountSessions();
        if (!session.IsClosed) _last = session;
        return session;
    }

    private void Take(UdpSession? session, ReadOnlySpan<byte> payload)
    {
        parts.Io.Counters.CountFromClient();
        if (session is null) return;
        session.OnFromClient(payload);
        if (session.IsTouched) return;
        session.IsTouched = true;
        _touched.Add(session);
    }

    /// <summary>Sends what sessions have batched.</summary>
    internal void Flush()
    {
        foreach (UdpSession session in _touched)
        {
            session.IsTouched = false;
            session.FlushToPeer();
        }

        _touched.Clear();
    }

    /// <summary>The mesh has changed: refusals are forgotten, and sessions end whose path is no longer the one they would be given.</summary>
    internal void Revalidate()
    {
        foreach (UdpSession session in _sessions.Values.ToArray())
        {
            if (session.IsRefused) session.Close(ProxyFailure.None);
            else if (!directory.IsCurrent(session.Source, session.Route, session.Key.Destination, TransportProtocol.Udp)) session.Close(ProxyFailure.RouteChanged);
        }
    }

    /// <summary>Ends those of a space, which has been given up.</summary>
    internal void CloseOf(PodSpace space)
    {
        foreach (UdpSession session in _sessions.Values.ToArray())
        {
            if (session.Key.Space == space) session.Close(ProxyFailure.RouteChanged);
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
        if (_refused.Count + _failed.Count >= mostRefusals) TryForgetRefusal();
        (ProxyFailures.IsTransient(failure) ? _failed : _refused).Enqueue(session);
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
        if (session.Drawn is { } backend && ReferenceEquals(_translated.GetValueOrDefault((session.Key.Client, backend)), session)) _translated.Remove((session.Key.Client, backend));
        if (ReferenceEquals(_last, session)) _last = null;
        CountSessions();
    }

    private void CountSessions() => parts.Io.Counters.SetSessions(_sessions.Count);
}
