using System.Runtime.CompilerServices;
using Culvert.Core;
using Culvert.Interop.Sockets;
using Culvert.NodeAgent.Proxy.Connections;
using Culvert.NodeAgent.Proxy.Limits;
using Culvert.NodeAgent.Proxy.Loop;
using Culvert.NodeAgent.Proxy.ProxyProtocol;

namespace Culvert.NodeAgent.Proxy.Captured;

/// <summary>
/// Captured connections of one loop: those of workloads of this node, and those that come from outside the mesh to a workload here. Belongs to its loop's thread.
/// </summary>
/// <param name="context">What the loop shares.</param>
internal sealed class CapturedConnectionHandler(ProxyContext context)
{
    /// <summary>Takes an accepted connection.</summary>
    /// <param name="handle">The socket; owned from here on.</param>
    /// <param name="peer">The client's address.</param>
    internal void Accept(SocketHandle handle, SocketEndPoint peer)
    {
        if (handle.GetLocalEndPoint(out SocketEndPoint destination) != SocketErrno.None)
        {
            handle.Dispose();
            return;
        }

        ProxyConnectionInfo info = new()
        {
            Id = context.NextId(),
            Direction = ProxyDirection.Outbound,
            Source = peer,
            Destination = destination,
            Target = destination,
        };
        _ = RunAsync(new LoopSocket(context.Loop, handle, connected: true), info);
    }

    private async Task RunAsync(LoopSocket client, ProxyConnectionInfo info)
    {
        context.Running++;
        try
        {
            if (context.Directory.FindLocalWorkload(info.Source) is { } source) await ServeWorkloadAsync(client, info, source);
            else await ServeExternalAsync(client, info);
        }
        catch (Exception exception)
        {
            context.Loop.ReportFault(exception);
            Refuse(client, info, ProxyFailure.ProxyFault, exception.Message);
        }
        finally
        {
            context.Running--;
        }
    }

    // Of a workload of this node: by a tunnel to a workload elsewhere, whose proxy authorises it; to a workload here; or out of the mesh.
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder))]
    private async ValueTask ServeWorkloadAsync(LoopSocket client, ProxyConnectionInfo info, WorkloadInfo source)
    {
        info = info with { SourceWorkload = source, SourceIdentity = source.Identity };
        using BudgetLease lease = context.LeaseFor(source, info.Source, trusting: null);
        if (!TryTake(client, info, lease)) return;

        OutboundRoute route = context.Directory.Resolve(source, info.Source, info.Destination, info.Protocol);
        info = info.With(route);
        if (route.Kind == OutboundRouteKind.Deny)
        {
            Refuse(client, info, route.Failure, route.Detail);
            return;
        }

        route.Load?.Add();
        try
        {
            bool isLocal = route.Kind == OutboundRouteKind.Local;
            if (isLocal) info = await LoadBalancerHeader.ReceiveAsync(client, info, context.Options.ProxyHeaderTimeout);
            ProxiedConnection? connection = info.HeaderError != ProxyProtocolError.None ? null
                : isLocal ? context.Guard.TryAdmit(ref info, client)
                : context.Guard.RegisterUnchecked(info, client);
            if (connection is null) Refuse(client, info);
            else await context.Protocols.ServeAsync(connection, client, FindUpstream(route, lease));
        }
        finally
        {
            route.Load?.Release();
        }
    }

    // Of somebody outside the mesh, to a workload of this node that has to do with PROXY headers: the kernel hands it over.
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder))]
    private async ValueTask ServeExternalAsync(LoopSocket client, ProxyConnectionInfo info)
    {
        WorkloadInfo? destination = context.Directory.FindLocalWorkload(info.Destination);
        if (destination is not null)
        {
            info = info with
            {
                Direction = ProxyDirection.Inbound,
                Route = OutboundRouteKind.Passthrough,
                DestinationWorkload = destination,
                DestinationIdentity = destination.Identity,
                ApplicationProtocol = context.Directory.FindApplicationProtocol(info.Target, info.Protocol),
            };
        }

        bool isTrusted = LoadBalancerHeader.IsExpected(info) && LoadBalancerHeader.IsTrusted(info);
        using BudgetLease lease = context.LeaseFor(source: null, info.Source, isTrusted ? destination : null);
        if (!TryTake(client, info, lease)) return;
        if (destination is null)
        {
            Refuse(client, Named(info), ProxyFailure.UnknownSource, null);
            return;
        }

        info = await LoadBalancerHeader.ReceiveAsync(client, info, context.Options.ProxyHeaderTimeout);
        ProxiedConnection? connection = info.HeaderError != ProxyProtocolError.None ? null : context.Guard.TryAdmit(ref info, client);
        if (connection is null) Refuse(client, info);
        else await context.Protocols.ServeAsync(connection, client, new PlainUpstream(context.Applications, info.Target, lease));
    }

    private IUpstream FindUpstream(in OutboundRoute route, BudgetLease lease) =>
        route.Kind == OutboundRouteKind.Tunnel
            ? new TunnelUpstream(context.Pool, context.Headers, route.Dial)
            : new PlainUpstream(context.Applications, route.Dial, lease);

    private bool TryTake(LoopSocket client, in ProxyConnectionInfo info, BudgetLease lease)
    {
        ProxyFailure refusal = client.RegisterError == SocketErrno.None ? Failures.FromBudget(lease.TryTake()) : ProxyFailure.Overload;
        if (refusal == ProxyFailure.None) return true;
        Refuse(client, Named(info), refusal, null);
        return false;
    }

    // A connection that is refused before it has a route still had somewhere to go.
    private ProxyConnectionInfo Named(in ProxyConnectionInfo info)
    {
        if (info.DestinationWorkload is not null) return info;
        (WorkloadInfo? workload, ServiceInfo? service) = context.Directory.WhoIs(info.Destination, info.Protocol);
        return info with { DestinationWorkload = workload, DestinationIdentity = workload?.Identity, Service = service };
    }

    private void Refuse(LoopSocket client, in ProxyConnectionInfo info) =>
        Refuse(client, info, info.HeaderError != ProxyProtocolError.None ? ProxyFailure.ProxyProtocol : ProxyFailure.PolicyDenied, null);

    private void Refuse(LoopSocket client, in ProxyConnectionInfo info, ProxyFailure failure, string? detail)
    {
        client.Reset();
        context.Observer.OnFailed(info, failure, detail);
    }
}
