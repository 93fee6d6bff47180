using Culvert.Core;
using Culvert.Interop.Sockets;
using Culvert.NodeAgent.Proxy.Connections;
using Culvert.NodeAgent.Proxy.Limits;
using Culvert.NodeAgent.Proxy.Loop;
using Culvert.NodeAgent.Proxy.Model;
using Culvert.NodeAgent.Proxy.ProxyProtocol;
using Culvert.NodeAgent.Proxy.Tunnel;

namespace Culvert.NodeAgent.Proxy.Udp;

/// <summary>
/// Finds the path of new sessions: source, destination and route, then places, then policy where this node decides, and then the path itself. Belongs to its loop's thread.
/// </summary>
/// <param name="loop">The loop.</param>
/// <param name="directory">Addresses and routes.</param>
/// <param name="spaces">Which workloads are captured inside their namespaces.</param>
/// <param name="ids">Numbers sessions.</param>
/// <param name="places">Budgets for sessions.</param>
/// <param name="guard">Policy, and the sessions that run.</param>
/// <param name="applications">Opens the paths to applications.</param>
/// <param name="tunnels">Opens the paths to other nodes.</param>
/// <param name="behindHeaders">Sessions of load balancers' clients.</param>
internal sealed class UdpSessionOpener(
    EventLoop loop, IProxyDirectory directory, IPodSpaces spaces, ConnectionIds ids, ConnectionPlaces places, ConnectionGuard guard, UdpApplicationDialer applications, UdpTunnelDialer tunnels, BehindProxyHeaderSessions behindHeaders)
{
    /// <summary>Opens a session, or has it refused. An exception is reported, and ends this session only.</summary>
    /// <param name="session">The session.</param>
    /// <param name="external">Whether its client is outside the mesh, so that it has no identity.</param>
    internal void Open(UdpSession session, bool external)
    {
        try
        {
            Find(session, external);
        }
        catch (Exception exception)
        {
            loop.ReportFault(exception);
            session.Close(ProxyFailure.ProxyFault);
        }
    }

    private void Find(UdpSession session, bool external)
    {
        UdpSessionKey key = session.Key;
        WorkloadInfo? source = session.Source = external ? null : FindSource(key);
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
            SourceSpace = key.Space,
        };
        if (source is null && !external)
        {
            (WorkloadInfo? workload, ServiceInfo? service) = directory.WhoIs(key.Destination, TransportProtocol.Udp);
            session.Refuse(info with { DestinationWorkload = workload, DestinationIdentity = workload?.Identity, Service = service }, ProxyFailure.UnknownSource, null);
            return;
        }

        OutboundRoute route = FindRoute(source, key, session.Drawn);
        info = info.With(route, spaces);
        LoadBalancerTrust trust = route.Kind == OutboundRouteKind.Local ? LoadBalancerHeader.Check(ref info) : LoadBalancerTrust.NotExpected;
        session.Use(places.ForClient(source, key.Client, trust == LoadBalancerTrust.Trusted ? route.Destination : null));
        if (trust == LoadBalancerTrust.Untrusted) session.Refuse(info, ProxyFailure.ProxyProtocol, null);
        else if (route.Kind == OutboundRouteKind.Deny)
        {
            session.Refuse(info, route.Failure, route.Detail);

            // It need not be so for long: the kernel draws another.
            if (route.Failure == ProxyFailure.NoBackend && session.Drawn is not null) session.Close(ProxyFailure.RouteChanged);
        }
        else if (ProxyFailures.FromBudget(session.TryTake()) is not ProxyFailure.None and var refusal) session.Refuse(info, refusal, "too many sessions");
        else if (trust == LoadBalancerTrust.Trusted) session.OpenBehindProxyHeader(route, behindHeaders.Accept(info, session));
        else if (guard.TryAdmit(ref info, client: null, isDestinationHere: route.Kind == OutboundRouteKind.Local, out refusal) is not { } connection) session.Refuse(info, refusal, null);
        else _ = ServeAsync(session, route, connection);
    }

    // In a namespace only its own pod speaks, and speaks nowhere else.
    private WorkloadInfo? FindSource(in UdpSessionKey key) => directory.FindLocalWorkload(key.Client) is { } source && spaces.Find(source) == key.Space ? source : null;

    private OutboundRoute FindRoute(WorkloadInfo? source, in UdpSessionKey key, in SocketEndPoint? drawn)
    {
        OutboundRoute route = directory.Resolve(source, key.Client, key.Destination, TransportProtocol.Udp, drawn);
        // What comes into a namespace is for its workload.
        bool isElsewhere = route.Kind != OutboundRouteKind.Local || spaces.Find(route.Destination!) != key.Space;
        return source is null && isElsewhere && route.Kind != OutboundRouteKind.Deny
            ? OutboundRoute.Deny(ProxyFailure.NoRoute, "from outside the mesh to no workload of this node")
            : route;
    }

    private async Task ServeAsync(UdpSession session, OutboundRoute route, ProxiedConnection connection)
    {
        try
        {
            if (route.Kind == OutboundRouteKind.Tunnel) await OpenTunnelAsync(session, route, connection);
            else OpenPlain(session, route, connection);
        }
        catch (Exception exception)
        {
            loop.ReportFault(exception);
            connection.Fail(ProxyFailure.ProxyFault, exception.Message);
            session.Close(ProxyFailure.ProxyFault);
        }
    }

    private void OpenPlain(UdpSession session, in OutboundRoute route, ProxiedConnection connection)
    {
        // Beyond the mesh nobody would bring the answers back here if they went to the client's address.
        SocketEndPoint? from = route.Kind == OutboundRouteKind.Local ? connection.Info.Source : null;
        if (applications.TryOpen(connection.Info, from, route.Dial, session, out ProxyFailure failure, out string? detail) is { } peer)
        {
            session.Open(route, peer, connection);
            return;
        }

        connection.Withdraw();
        session.Refuse(connection.Info, failure, detail);
    }

    private async ValueTask OpenTunnelAsync(UdpSession session, OutboundRoute route, ProxiedConnection connection)
    {
        session.Wait(route);
        (TunnelDatagramStream? stream, ProxyFailure failure, string? detail, string? group) = await tunnels.OpenAsync(connection.Info, route.Dial, session);
        if (session.IsClosed)
        {
            // Routes or the proxy have changed while it was being made.
            stream?.Dispose();
            connection.Fail(session.Failure, null);
            return;
        }

        if (stream is not null && connection.Aborted == ProxyFailure.None)
        {
            connection.NoteTunnel(group);
            session.Open(route, stream, connection);
            return;
        }

        // Policy has ended it meanwhile, which is told rather than what became of its tunnel.
        stream?.Dispose();
        connection.Withdraw();
        if (connection.Aborted == ProxyFailure.None) session.Refuse(connection.Info, failure, detail);
        else session.Refuse(connection.Info, connection.Aborted, null);
    }
}
