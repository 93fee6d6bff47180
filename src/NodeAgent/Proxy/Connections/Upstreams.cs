using Culvert.Interop.Sockets;
using Culvert.NodeAgent.Proxy.Limits;
using Culvert.NodeAgent.Proxy.Model;
using Culvert.NodeAgent.Proxy.Tunnel;

namespace Culvert.NodeAgent.Proxy.Connections;

/// <summary>Finds the paths to connections' other ends. Belongs to its loop's thread.</summary>
/// <param name="applications">Connects to applications.</param>
/// <param name="tunnels">The loop's tunnels.</param>
/// <param name="source">From which addresses tunnels are opened.</param>
internal sealed class Upstreams(ApplicationDialer applications, TunnelPool tunnels, ITunnelSource source)
{
    /// <summary>The path that a route names.</summary>
    /// <param name="route">A route that is no refusal.</param>
    /// <param name="lease">The client's places.</param>
    internal IUpstream For(in OutboundRoute route, BudgetLease lease) =>
        route.Kind switch
        {
            OutboundRouteKind.Tunnel => new TunnelUpstream(tunnels, route.Dial, source),
            OutboundRouteKind.Routed => RoutedUpstream.Instance,
            _ => To(route.Dial, lease),
        };

    /// <summary>The path to an application without a tunnel.</summary>
    /// <param name="application">Its address.</param>
    /// <param name="lease">The client's places.</param>
    internal IUpstream To(in SocketEndPoint application, BudgetLease lease) => new PlainUpstream(applications, application, lease);
}
