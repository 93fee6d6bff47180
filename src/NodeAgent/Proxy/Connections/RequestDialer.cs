using Culvert.Core;
using Culvert.NodeAgent.Proxy.Limits;
using Culvert.NodeAgent.Proxy.Model;
using Culvert.NodeAgent.Proxy.ProxyProtocol;

namespace Culvert.NodeAgent.Proxy.Connections;

/// <summary>Makes connections for requests that are routed: each is one as any, with places, policy and observers of its own, and in the name of the client whose request is the first. Belongs to its loop's thread.</summary>
/// <param name="ids">Numbers connections.</param>
/// <param name="spaces">Which workloads are captured inside their namespaces.</param>
/// <param name="places">Budgets for connections.</param>
/// <param name="guard">Admits connections.</param>
/// <param name="upstreams">The paths to the other ends.</param>
/// <param name="observer">Hears of connections that are refused.</param>
internal sealed class RequestDialer(ConnectionIds ids, IPodSpaces spaces, ConnectionPlaces places, ConnectionGuard guard, Upstreams upstreams, IProxyObserver observer)
{
    /// <summary>Connects.</summary>
    /// <param name="client">The client's connection.</param>
    /// <param name="route">Where to; no refusal.</param>
    /// <param name="wait">Waits where the Service port has as many connections as may be; null: it fails then.</param>
    internal async ValueTask<DialledServer> ConnectAsync(ProxyConnectionInfo client, OutboundRoute route, ConnectionWait? wait = null)
    {
        PortConnections? port = route.Requests?.Port.ConnectionLimit;
        if (port is not null && !(wait is null ? port.TryTake() : await wait.TakeAsync(port))) return new DialledServer(null, null, null, ProxyFailure.Overload);
        ProxyConnectionInfo info = (client with { Id = ids.Next() }).With(route, spaces);
        BudgetLease lease = places.ForClient(client.SourceWorkload, client.Source, trusting: null);
        lease.Disposed = port?.Released;
        if (TryAdmit(ref info, route, lease, out ProxyFailure refusal) is not { } connection)
        {
            lease.Dispose();
            observer.OnFailed(info, refusal, null);
            return new DialledServer(null, null, null, refusal);
        }

        try
        {
            UpstreamResult result = await connection.ConnectAsync(upstreams.For(route, lease));
            if (result.Transport is not null) return new DialledServer(connection, result.Transport, lease);
            connection.Fail(result.Failure, result.Detail);
            lease.Dispose();
            return new DialledServer(null, null, null, result.Failure);
        }
        catch (Exception exception)
        {
            connection.Fail(ProxyFailure.ProxyFault, exception.Message);
            lease.Dispose();
            throw;
        }
    }

    // A socket to an application takes its place when it is opened; a stream of a tunnel takes one here, so that clients have no more of them than of connections.
    private ProxiedConnection? TryAdmit(ref ProxyConnectionInfo info, in OutboundRoute route, BudgetLease lease, out ProxyFailure refusal)
    {
        refusal = route.Kind == OutboundRouteKind.Tunnel ? ProxyFailures.FromBudget(lease.TryTake()) : ProxyFailure.None;
        if (refusal != ProxyFailure.None) return null;

        // Where a load balancer's header is expected there is none: the client's connection is for several servers.
        bool isHere = route.Kind == OutboundRouteKind.Local;
        if (!isHere || !LoadBalancerHeader.IsExpected(info)) return guard.TryAdmit(ref info, client: null, isHere, out refusal);
        info = info with { HeaderError = ProxyProtocolError.Untrusted };
        refusal = ProxyFailure.ProxyProtocol;
        return null;
    }
}
