using Culvert.Core;
using Culvert.Interop.Sockets;
using Culvert.NodeAgent.Proxy.Connections;
using Culvert.NodeAgent.Proxy.Limits;
using Culvert.NodeAgent.Proxy.Model;
using Culvert.NodeAgent.Proxy.ProxyProtocol;
using Culvert.NodeAgent.Proxy.Transport;
using Culvert.NodeAgent.Proxy.Tunnel;

namespace Culvert.NodeAgent.Proxy.Udp;

/// <summary>
/// Finds the path of new sessions: source, destination and route, then places, then policy where this node decides, and then the path itself. Belongs to its loop's thread.
/// </summary>
/// <param name="directory">Addresses and routes.</param>
/// <param name="ids">Numbers sessions.</param>
/// <param name="places">Budgets for sessions.</param>
/// <param name="guard">Policy, and the sessions that run.</param>
/// <param name="applications">Opens the paths to applications.</param>
/// <param name="tunnels">Opens the paths to other nodes.</param>
/// <param name="behindHeaders">Sessions of load balancers' clients.</param>
internal sealed class UdpSessionOpener(
    IProxyDirectory directory, ConnectionIds ids, ConnectionPlaces places, ConnectionGuard guard, UdpApplicationDialer applications, UdpTunnelDialer tunnels, BehindProxyHeaderSessions behindHeaders)
{
    /// <summary>Opens a session, or has it refused.</summary>
    /// <param name="session">The session.</param>
    /// <param name="external">Whether its client is outside the mesh, so that it has no identity.</param>
    internal void Open(UdpSession session, bool external)
    {
        UdpSessionKey key = session.Key;
        WorkloadInfo? source = session.Source = external ? null : directory.FindLocalWorkload(key.Client);
        ProxyConnectionInfo info = new()
        {
            Id = ids.Next(),
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

        OutboundRoute route = FindRoute(source, key);
        info = info.With(route);
        LoadBalancerTrust trust = route.Kind == OutboundRouteKind.Local ? LoadBalancerHeader.Check(ref info) : LoadBalancerTrust.NotExpected;
        session.Use(places.ForClient(source, key.Client, trust == LoadBalancerTrust.Trusted ? route.Destination : null));
        if (trust == LoadBalancerTrust.Untrusted) session.Refuse(info, ProxyFailure.ProxyProtocol, null);
        else if (route.Kind == OutboundRouteKind.Deny) session.Refuse(info, route.Failure, route.Detail);
        else if (ProxyFailures.FromBudget(session.TryTake()) is not ProxyFailure.None and var refusal) session.Refuse(info, refusal, "too many sessions");
        else if (trust == LoadBalancerTrust.Trusted) session.OpenBehindProxyHeader(route, behindHeaders.Accept(info, session));
        else if (route.Kind == OutboundRouteKind.Tunnel) _ = OpenTunnelAsync(session, route, info);
        else OpenPlain(session, route, info);
    }

    private OutboundRoute FindRoute(WorkloadInfo? source, in UdpSessionKey key)
    {
        OutboundRoute route = directory.Resolve(source, key.Client, key.Destination, TransportProtocol.Udp);
        return source is null && route.Kind is not (OutboundRouteKind.Local or OutboundRouteKind.Deny)
            ? OutboundRoute.Deny(ProxyFailure.NoRoute, "from outside the mesh to no workload of this node")
            : route;
    }

    private void OpenPlain(UdpSession session, in OutboundRoute route, ProxyConnectionInfo info)
    {
        bool local = route.Kind == OutboundRouteKind.Local;
        (ProxyFailure failure, string? detail) = (ProxyFailure.PolicyDenied, null);
        ProxiedConnection? connection = guard.TryAdmit(ref info, client: null, isDestinationHere: local);

        // Beyond the mesh nobody would bring the answers back here if they went to the client's address.
        SocketEndPoint? from = local ? info.Source : null;
        IDatagramPeer? peer = connection is null ? null : applications.TryOpen(info, from, route.Dial, session, out failure, out detail);
        if (connection is not null && peer is not null)
        {
            session.Open(route, peer, connection);
            return;
        }

        connection?.Withdraw();
        session.Refuse(info, failure, detail);
    }

    private async Task OpenTunnelAsync(UdpSession session, OutboundRoute route, ProxyConnectionInfo info)
    {
        if (guard.TryAdmit(ref info, client: null, isDestinationHere: false) is not { } connection)
        {
            session.Refuse(info, ProxyFailure.PolicyDenied, null);
            return;
        }

        session.Wait(route);
        (TunnelDatagramStream? stream, ProxyFailure failure, string? detail) = await tunnels.OpenAsync(info, route.Dial, session);
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
}
