using Culvert.Core;
using Culvert.Interop.Sockets;
using Culvert.NodeAgent.Proxy.Limits;
using Culvert.NodeAgent.Proxy.Udp;

namespace Culvert.NodeAgent.Proxy.ProxyProtocol;

/// <summary>
/// The application behind a load balancer that sends datagrams of many clients from one socket, each behind a header: every
/// client is a session of its own. Bad headers cost their own datagram only. Belongs to its loop's thread.
/// </summary>
/// <param name="context">What the loop shares.</param>
/// <param name="info">The load balancer's own session.</param>
/// <param name="sink">Hears what the application answers, to whichever client: the load balancer knows.</param>
internal sealed class BehindProxyHeaderPeer(ProxyContext context, ProxyConnectionInfo info, IDatagramSink sink) : IDatagramPeer
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
            context.Observer.OnHeaderRefused(header.Error);
            context.Observer.OnDatagramDropped(DatagramDrop.BadHeader);
            return false;
        }

        if (!_sessions.TryGetValue(header.Source, out BehindProxyHeaderSession? session))
        {
            // Trust may have been withdrawn since the load balancer's own session began.
            if (!LoadBalancerHeader.IsTrusted(info, context.Directory.FindLocalWorkload(info.Target)))
            {
                context.Observer.OnHeaderRefused(ProxyProtocolError.Untrusted);
                context.Observer.OnDatagramDropped(DatagramDrop.BadHeader);
                return false;
            }

            BudgetLease lease = new(context.Shared.Workloads, BudgetHolder.Of(info.DestinationWorkload!));
            if (lease.TryTake() != BudgetAnswer.Taken)
            {
                context.Observer.OnDatagramDropped(DatagramDrop.SessionLimit);
                return false;
            }

            session = new BehindProxyHeaderSession(context, this, sink, header.Source, lease);
            _sessions.Add(header.Source, session);
            session.Open(LoadBalancerHeader.Apply(info, header) with { Id = context.NextId() });
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
