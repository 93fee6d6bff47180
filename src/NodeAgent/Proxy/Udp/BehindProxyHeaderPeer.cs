using Culvert.Core;
using Culvert.Interop.Sockets;
using Culvert.NodeAgent.Proxy.Model;
using Culvert.NodeAgent.Proxy.ProxyProtocol;
using Culvert.NodeAgent.Proxy.Transport;

namespace Culvert.NodeAgent.Proxy.Udp;

/// <summary>
/// The application behind a load balancer that sends datagrams of many clients from one socket, each behind a header: every
/// client is a session of its own. Bad headers cost their own datagram only. Belongs to its loop's thread.
/// </summary>
/// <param name="sessions">Makes the clients' sessions.</param>
/// <param name="info">The load balancer's own session.</param>
/// <param name="sink">Hears what the application answers, to whichever client: the load balancer knows.</param>
/// <param name="observer">Hears of dropped datagrams.</param>
internal sealed class BehindProxyHeaderPeer(BehindProxyHeaderSessions sessions, ProxyConnectionInfo info, IDatagramSink sink, IProxyObserver observer) : IDatagramPeer
{
    // Key: the client; the default stands for headers that name none.
    private readonly Dictionary<SocketEndPoint, BehindProxyHeaderSession> _sessions = [];
    private readonly List<BehindProxyHeaderSession> _touched = [];

    /// <inheritdoc/>
    public bool Send(ReadOnlySpan<byte> payload)
    {
        ReceivedHeader header = ReceivedHeader.ReadDatagram(payload, out int length);
        if (header.Error != ProxyProtocolError.None)
        {
            observer.OnHeaderRefused(header.Error);
            observer.OnDatagramDropped(DatagramDrop.BadHeader);
            return false;
        }

        if (!_sessions.TryGetValue(header.Source, out BehindProxyHeaderSession? session))
        {
            session = sessions.TryMake(this, info, header, sink);
            if (session is null) return false;
            _sessions.Add(header.Source, session);
            sessions.Open(session, LoadBalancerHeader.Apply(info, header));
        }

        if (session.IsRefused)
        {
            observer.OnDatagramDropped(DatagramDrop.SessionRefused);
            return false;
        }

        if (!session.Send(payload[length..])) return false;
        if (!session.IsTouched) _touched.Add(session);
        session.IsTouched = true;
        return true;
    }

    /// <inheritdoc/>
    public void Flush()
    {
        foreach (BehindProxyHeaderSession session in _touched) session.Flush();
        _touched.Clear();
    }

    /// <summary>Forgets a session that has ended.</summary>
    internal void Remove(in SocketEndPoint client) => _sessions.Remove(client);

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (BehindProxyHeaderSession session in _sessions.Values.ToArray()) session.Close(ProxyFailure.None);
    }
}
