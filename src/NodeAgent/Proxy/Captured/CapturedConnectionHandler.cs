using System.Runtime.CompilerServices;
using Culvert.Core;
using Culvert.Interop.Sockets;
using Culvert.NodeAgent.Proxy.Connections;
using Culvert.NodeAgent.Proxy.Limits;
using Culvert.NodeAgent.Proxy.Loop;
using Culvert.NodeAgent.Proxy.Model;
using Culvert.NodeAgent.Proxy.ProxyProtocol;
using Culvert.NodeAgent.Proxy.Transport;

namespace Culvert.NodeAgent.Proxy.Captured;

/// <summary>
/// Captured connections of one loop: those of workloads of this node, and those that come from outside the mesh to a workload here. Belongs to its loop's thread.
/// </summary>
/// <param name="loop">The loop.</param>
/// <param name="ids">Numbers connections.</param>
/// <param name="directory">Addresses and routes.</param>
/// <param name="spaces">Which workloads are captured inside their namespaces.</param>
/// <param name="translated">What pods have asked for that reaches the proxy with another address.</param>
/// <param name="places">Budgets for connections.</param>
/// <param name="admission">Admits connections.</param>
/// <param name="protocols">Serves what is admitted.</param>
/// <param name="upstreams">The paths to the other ends.</param>
/// <param name="observer">Hears of connections that are refused.</param>
internal sealed class CapturedConnectionHandler(
    EventLoop loop, ConnectionIds ids, IProxyDirectory directory, IPodSpaces spaces, ITranslatedConnections translated, ConnectionPlaces places, ConnectionAdmission admission, ProtocolHandlers protocols,
    Upstreams upstreams, IProxyObserver observer)
{
    /// <summary>Connections that run, are being made or are being closed.</summary>
    internal int Running { get; private set; }

    /// <summary>Takes an accepted connection to the address that it has.</summary>
    /// <param name="handle">The socket; owned from here on.</param>
    /// <param name="peer">The client's address.</param>
    /// <param name="space">The listener's.</param>
    internal void Accept(SocketHandle handle, SocketEndPoint peer, PodSpace? space)
    {
        if (handle.GetLocalEndPoint(out SocketEndPoint destination) != SocketErrno.None) handle.Dispose();
        else _ = RunAsync(new LoopSocket(loop, handle, connected: true), InfoOf(peer, destination) with { SourceSpace = space }, drawn: null);
    }

    /// <summary>Takes an accepted connection to a Service, which has the address of the backend that was drawn for it.</summary>
    /// <param name="handle">The socket; owned from here on.</param>
    /// <param name="peer">The client's address.</param>
    internal void AcceptForBackend(SocketHandle handle, SocketEndPoint peer)
    {
        if (handle.GetLocalEndPoint(out SocketEndPoint backend) != SocketErrno.None)
        {
            handle.Dispose();
            return;
        }

        LoopSocket client = new(loop, handle, connected: true);
        // An entry is there as long as the connection is, unless its client has reset it.
        if (translated.TryFind(peer, backend, out SocketEndPoint service)) _ = RunAsync(client, InfoOf(peer, service), backend);
        else Refuse(client, WithNames(InfoOf(peer, backend)), ProxyFailure.ApplicationReset, null);
    }

    private ProxyConnectionInfo InfoOf(in SocketEndPoint client, in SocketEndPoint destination) => new()
    {
        Id = ids.Next(),
        Direction = ProxyDirection.Outbound,
        Source = client,
        Destination = destination,
        Target = destination,
    };

    private async Task RunAsync(LoopSocket client, ProxyConnectionInfo info, SocketEndPoint? drawn)
    {
        Running++;
        try
        {
            WorkloadInfo? source = directory.FindLocalWorkload(info.Source);
            if (source is null) await ServeExternalAsync(client, info);
            else if (info.SourceSpace == spaces.Find(source)) await ServeWorkloadAsync(client, info, source, drawn);
            else Refuse(client, WithDestinationNames(info), ProxyFailure.UnknownSource, null); // a workload speaks in its own namespace
        }
        catch (Exception exception)
        {
            loop.ReportFault(exception);
            Refuse(client, info, ProxyFailure.ProxyFault, exception.Message);
        }
        finally
        {
            Running--;
        }
    }

    // Of a workload of this node: by a tunnel to a workload elsewhere, whose proxy authorises it; to a workload here; or out of the mesh.
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder))]
    private async ValueTask ServeWorkloadAsync(LoopSocket client, ProxyConnectionInfo info, WorkloadInfo source, SocketEndPoint? drawn)
    {
        info = info with { SourceWorkload = source, SourceIdentity = source.Identity };
        using BudgetLease lease = places.ForClient(source, info.Source, trusting: null);
        if (!TryTake(client, info, lease)) return;

        OutboundRoute route = directory.Resolve(source, info.Source, info.Destination, info.Protocol, drawn);
        info = info.With(route, spaces);
        if (route.Kind == OutboundRouteKind.Deny)
        {
            Refuse(client, info, route.Failure, route.Detail);
            return;
        }

        route.Load?.Add();
        try
        {
            if (await admission.AdmitAsync(client, info) is { } connection) await protocols.ServeAsync(connection, client, upstreams.For(route, lease));
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
        WorkloadInfo? destination = directory.FindLocalWorkload(info.Destination);
        if (destination is not null && spaces.Find(destination) != info.SourceSpace) destination = null; // what comes into a namespace is for its workload
        if (destination is not null)
        {
            info = info with
            {
                Direction = ProxyDirection.Inbound,
                Route = OutboundRouteKind.Passthrough,
                DestinationWorkload = destination,
                DestinationIdentity = destination.Identity,
                DestinationSpace = spaces.Find(destination),
                ApplicationProtocol = directory.FindApplicationProtocol(info.Target, info.Protocol),
            };
        }

        // Who is not trusted is refused, and reported so, when it is to be admitted; a place that it does not get is told first.
        ProxyConnectionInfo asked = info;
        bool isTrusted = LoadBalancerHeader.Check(ref asked) == LoadBalancerTrust.Trusted;
        using BudgetLease lease = places.ForClient(source: null, info.Source, isTrusted ? destination : null);
        if (!TryTake(client, info, lease)) return;
        if (destination is null)
        {
            Refuse(client, WithDestinationNames(info), ProxyFailure.UnknownSource, null);
            return;
        }

        if (await admission.AdmitAsync(client, info) is { } connection) await protocols.ServeAsync(connection, client, upstreams.To(info.Target, lease));
    }

    private bool TryTake(LoopSocket client, in ProxyConnectionInfo info, BudgetLease lease)
    {
        ProxyFailure refusal = client.RegisterError == SocketErrno.None ? ProxyFailures.FromBudget(lease.TryTake()) : ProxyFailure.Overload;
        if (refusal == ProxyFailure.None) return true;
        Refuse(client, WithDestinationNames(info), refusal, null);
        return false;
    }

    private ProxyConnectionInfo WithNames(in ProxyConnectionInfo info)
    {
        WorkloadInfo? source = directory.FindLocalWorkload(info.Source);
        return WithDestinationNames(info with { SourceWorkload = source, SourceIdentity = source?.Identity });
    }

    // A connection that is refused before it has a route still had somewhere to go.
    private ProxyConnectionInfo WithDestinationNames(in ProxyConnectionInfo info)
    {
        if (info.DestinationWorkload is not null) return info;
        (WorkloadInfo? workload, ServiceInfo? service) = directory.WhoIs(info.Destination, info.Protocol);
        return info with { DestinationWorkload = workload, DestinationIdentity = workload?.Identity, Service = service };
    }

    private void Refuse(LoopSocket client, in ProxyConnectionInfo info, ProxyFailure failure, string? detail)
    {
        client.Reset();
        observer.OnFailed(info, failure, detail);
    }
}
