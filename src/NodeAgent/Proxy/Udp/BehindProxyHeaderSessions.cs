using Culvert.Core;
using Culvert.NodeAgent.Proxy.Connections;
using Culvert.NodeAgent.Proxy.Limits;
using Culvert.NodeAgent.Proxy.Loop;
using Culvert.NodeAgent.Proxy.Model;
using Culvert.NodeAgent.Proxy.ProxyProtocol;
using Culvert.NodeAgent.Proxy.Transport;

namespace Culvert.NodeAgent.Proxy.Udp;

/// <summary>
/// Sessions of the clients behind load balancers that send datagrams of many from one socket: each client has a place, an answer of policy and a socket of its own. Belongs to
/// its loop's thread.
/// </summary>
/// <param name="loop">The loop.</param>
/// <param name="times">How long sessions are kept.</param>
/// <param name="directory">Who is trusted now.</param>
/// <param name="places">Budgets for sessions.</param>
/// <param name="ids">Numbers sessions.</param>
/// <param name="guard">Policy, asked about each client.</param>
/// <param name="dialer">Opens the paths to applications.</param>
/// <param name="observer">Hears of refusals and dropped datagrams.</param>
internal sealed class BehindProxyHeaderSessions(
    EventLoop loop, DatagramSessionTimes times, IProxyDirectory directory, ConnectionPlaces places, ConnectionIds ids, ConnectionGuard guard, UdpApplicationDialer dialer, IProxyObserver observer)
{
    /// <summary>The application as a load balancer sends to it.</summary>
    /// <param name="info">The load balancer's own session.</param>
    /// <param name="sink">Hears what the application answers, to whichever client: the load balancer knows.</param>
    internal BehindProxyHeaderPeer Accept(in ProxyConnectionInfo info, IDatagramSink sink) => new(this, info, sink, observer);

    /// <summary>Makes the session of one client, whose upstream is not open yet; null when there is to be none.</summary>
    /// <param name="peer">What the load balancer sends to.</param>
    /// <param name="info">The load balancer's own session.</param>
    /// <param name="header">What it says of the client.</param>
    /// <param name="sink">Hears what the application answers.</param>
    internal BehindProxyHeaderSession? TryMake(BehindProxyHeaderPeer peer, in ProxyConnectionInfo info, in ReceivedHeader header, IDatagramSink sink)
    {
        // Trust may have been withdrawn since the load balancer's own session began.
        if (!LoadBalancerHeader.IsTrusted(info, directory.FindLocalWorkload(info.Target)))
        {
            observer.OnHeaderRefused(ProxyProtocolError.Untrusted);
            observer.OnDatagramDropped(DatagramDrop.BadHeader);
            return null;
        }

        BudgetLease lease = places.ForDestination(info.DestinationWorkload!);
        if (lease.TryTake() != BudgetResult.Taken)
        {
            observer.OnDatagramDropped(DatagramDrop.SessionLimit);
            return null;
        }

        return new BehindProxyHeaderSession(loop, times, peer, header.Source, lease, sink);
    }

    /// <summary>Asks policy about the client and opens the path to the application; a refusal is remembered for a while.</summary>
    /// <param name="session">The client's session.</param>
    /// <param name="info">What is known of it; its number is set.</param>
    internal void Open(BehindProxyHeaderSession session, ProxyConnectionInfo info)
    {
        info = info with { Id = ids.Next() };
        ProxiedConnection? connection = guard.TryAdmit(ref info, client: null, isDestinationHere: true, out ProxyFailure refusal);
        if (connection is null)
        {
            observer.OnFailed(info, refusal, null);
            session.Refuse(refusal);
            return;
        }

        IDatagramPeer? application = dialer.TryOpen(info, info.Source, info.Target, session, out ProxyFailure failure, out string? detail);
        if (application is null)
        {
            connection.Fail(failure, detail);
            session.Refuse(failure);
            return;
        }

        session.Open(application, connection);
    }
}
