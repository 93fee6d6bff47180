using System.Runtime.CompilerServices;
using System.Text.Unicode;
using Culvert.Core;
using Culvert.Http2;
using Culvert.Interop.Sockets;
using Culvert.NodeAgent.Proxy.Limits;
using Culvert.NodeAgent.Proxy.Loop;
using Culvert.NodeAgent.Proxy.ProxyProtocol;
using Culvert.NodeAgent.Proxy.Relay;
using Culvert.NodeAgent.Proxy.Transport;
using Culvert.NodeAgent.Proxy.Tunnel;

namespace Culvert.NodeAgent.Proxy.Outbound;

/// <summary>
/// Captured connections of one loop: original destination, source workload, route, then a tunnel, a local workload or plain
/// TCP; and those that come from outside the mesh to a workload here. Belongs to its loop's thread.
/// </summary>
/// <param name="context">What the loop shares.</param>
internal sealed class OutboundHandler(ProxyContext context)
{
    private static readonly Action<HeaderList, ProxyConnectionInfo> WriteConnect = WriteConnectHeaders;

    /// <summary>Takes an accepted connection.</summary>
    /// <param name="handle">The socket; owned from here on.</param>
    /// <param name="peer">The pod's address.</param>
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

    private async Task RunAsync(LoopSocket socket, ProxyConnectionInfo info)
    {
        WorkloadInfo? source = context.Seams.Directory.FindLocalWorkload(info.Source);
        info = source is null ? FromExternal(info) : info with { SourceWorkload = source, SourceIdentity = source.Identity };
        using BudgetLease lease = context.LeaseFor(source, info.Source, source is null && LoadBalancerHeader.IsExpected(info) && LoadBalancerHeader.IsTrusted(info) ? info.DestinationWorkload : null);
        context.Running++;
        try
        {
            ProxyFailure refusal = socket.RegisterError == SocketErrno.None ? Failures.FromBudget(lease.TryTake()) : ProxyFailure.Overload;
            if (refusal != ProxyFailure.None) Fail(socket, Named(info), refusal, null);
            else if (source is not null) await RouteAsync(socket, info, source, lease);
            else if (info.DestinationWorkload is null) Fail(socket, Named(info), ProxyFailure.UnknownSource, null);
            else await DeliverAsync(socket, info, lease);
        }
        catch (Exception exception)
        {
            context.Loop.ReportFault(exception);
            Fail(socket, info, ProxyFailure.ProxyFault, exception.Message);
        }
        finally
        {
            context.Running--;
        }
    }

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder))]
    private async ValueTask RouteAsync(LoopSocket socket, ProxyConnectionInfo info, WorkloadInfo source, BudgetLease lease)
    {
        OutboundRoute route = context.Seams.Directory.Resolve(source, info.Source, info.Destination, info.Protocol);
        info = info with
        {
            Route = route.Kind,
            Target = route.Kind == OutboundRouteKind.Deny ? info.Destination : route.Target,
            DestinationWorkload = route.Destination,
            DestinationIdentity = route.Destination?.Identity,
            Service = route.Service,
        };
        route.Load?.Add();
        try
        {
            switch (route.Kind)
            {
                case OutboundRouteKind.Tunnel:
                    await TunnelAsync(socket, info, route);
                    break;
                case OutboundRouteKind.Local:
                    await DeliverAsync(socket, info, lease);
                    break;
                case OutboundRouteKind.Passthrough:
                    await PlainAsync(socket, info, route.Dial, authorized: false, lease);
                    break;
                default:
                    Fail(socket, info, route.Failure, route.Detail);
                    break;
            }
        }
        finally
        {
            route.Load?.Release();
        }
    }

    private async ValueTask TunnelAsync(LoopSocket socket, ProxyConnectionInfo info, OutboundRoute route)
    {
        TunnelKey key = new(info.SourceIdentity!, route.Dial, route.Destination!.Identity);
        (StreamTransport? stream, ProxyFailure failure, string? detail) = await context.Pool.OpenStreamAsync(key, context.Headers, WriteConnect, info);
        if (stream is null)
        {
            Fail(socket, info, failure, detail);
            return;
        }

        ByteRelay relay = new(socket, stream, info.Source, info.Target);
        ProxiedConnection connection = ProxiedConnection.Open(context, relay, info, authorized: false);
        await relay.RunAsync();
        connection.Close();
    }

    // Plaintext from outside the mesh to a workload of this node that has to do with PROXY headers: the kernel hands it over.
    private ProxyConnectionInfo FromExternal(in ProxyConnectionInfo info)
    {
        WorkloadInfo? destination = context.Seams.Directory.FindLocalWorkload(info.Destination);
        return destination is null ? info : info with
        {
            Direction = ProxyDirection.Inbound,
            Route = OutboundRouteKind.Passthrough,
            DestinationWorkload = destination,
            DestinationIdentity = destination.Identity,
        };
    }

    // A connection that is refused before it has a route still had somewhere to go.
    private ProxyConnectionInfo Named(in ProxyConnectionInfo info)
    {
        if (info.DestinationWorkload is not null) return info;
        (WorkloadInfo? workload, ServiceInfo? service) = context.Seams.Directory.WhoIs(info.Destination, info.Protocol);
        return info with { DestinationWorkload = workload, DestinationIdentity = workload?.Identity, Service = service };
    }

    private async ValueTask DeliverAsync(LoopSocket socket, ProxyConnectionInfo info, BudgetLease lease)
    {
        if (LoadBalancerHeader.IsExpected(info))
        {
            info = LoadBalancerHeader.IsTrusted(info)
                ? LoadBalancerHeader.Apply(info, await ProxyHeaderReceiver.ReceiveAsync(socket, context.Options.ProxyHeaderTimeout))
                : info with { HeaderError = ProxyProtocolError.Untrusted };
            if (info.HeaderError != ProxyProtocolError.None)
            {
                Fail(socket, info, ProxyFailure.ProxyProtocol, null);
                return;
            }
        }

        Decision decision = context.Seams.Authorizer.Authorize(info.SourceIdentity, info.Source, info.DestinationWorkload!, info.Target.Port, info.Protocol);
        info = info with { Decision = decision };
        if (decision.IsAllowed) await PlainAsync(socket, info, info.Target, authorized: true, lease);
        else Fail(socket, info, ProxyFailure.PolicyDenied, null);
    }

    private async ValueTask PlainAsync(LoopSocket socket, ProxyConnectionInfo info, SocketEndPoint remote, bool authorized, BudgetLease lease)
    {
        ProxyOptions options = context.Options;
        ProxyFailure refusal = Failures.FromBudget(lease.TryTake());
        if (refusal != ProxyFailure.None)
        {
            Fail(socket, info, refusal, null);
            return;
        }

        // The application sees the client's own address; the port differs while the client's is in use on this very machine.
        // A pod that reaches itself by a Service gets the node's: a kernel refuses packets from outside with its own address.
        bool possible = info.Source.IsIPv4 == remote.IsIPv4 && info.Source.WithPort(0) != remote.WithPort(0);
        SocketEndPoint source = info.Direction == ProxyDirection.Inbound ? info.Source : info.Source.WithPort(0);
        SocketEndPoint? from = options.Transparent && possible ? source : null;
        DialResult dial = await Dialer.ConnectAsync(
            context.Loop,
            remote,
            new DialOptions(
                options.ConnectTimeout, options.Mark, default, from, options.Transparent, KeepAlive: options.ApplicationKeepAlive,
                OnNode: info.Route == OutboundRouteKind.Local || info.Direction == ProxyDirection.Inbound));
        if (dial.PortChanged) context.Seams.Observer.OnSourcePortChanged();
        if (dial.Socket is null)
        {
            Fail(socket, info, Failures.FromConnect(dial.Error), $"connect to {remote}: {dial.Error}");
            return;
        }

        if (!HeaderSender.TrySend(dial.Socket, info))
        {
            dial.Socket.Reset();
            Fail(socket, info, ProxyFailure.ConnectFailed, "the application's connection takes no header");
            return;
        }

        ByteRelay relay = new(socket, dial.Socket, info.LoadBalancer ?? info.Source, remote);
        ProxiedConnection connection = ProxiedConnection.Open(context, relay, info, authorized);
        await relay.RunAsync();
        connection.Close();
    }

    private void Fail(LoopSocket socket, in ProxyConnectionInfo info, ProxyFailure failure, string? detail)
    {
        socket.Reset();
        context.Seams.Observer.OnFailed(info, failure, detail);
    }

    private static void WriteConnectHeaders(HeaderList headers, ProxyConnectionInfo info)
    {
        Span<byte> text = stackalloc byte[SocketEndPoint.MaxTextLength + 8];
        info.Target.TryFormat(text, out int length, default, null);
        headers.Add(":method"u8, "CONNECT"u8).Add(":authority"u8, text[..length]);
        Utf8.TryWrite(text, $"for=\"{info.Source}\"", out length);

        // Another port every time: in the compression table it would only push out what repeats.
        headers.Add("forwarded"u8, text[..length], neverIndexed: true);
        OriginalDestinationHeader.Write(headers, info);
    }
}
