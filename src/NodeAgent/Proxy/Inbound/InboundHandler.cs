using Culvert.Core;
using Culvert.Interop.Sockets;
using Culvert.NodeAgent.Proxy.Loop;
using Culvert.NodeAgent.Proxy.Tunnel;

namespace Culvert.NodeAgent.Proxy.Inbound;

/// <summary>
/// Tunnels that arrive on one loop: the local address names the workload, whose certificate is presented; then HTTP/2, whose
/// streams go to <see cref="InboundStreams"/>. Belongs to its loop's thread.
/// </summary>
/// <param name="context">What the loop shares.</param>
internal sealed class InboundHandler(ProxyContext context)
{
    private readonly HashSet<TunnelConnection> _tunnels = [];
    private InboundHandler[] _all = [];
    private TunnelBalancer _balancer = new(1);
    private readonly InboundStreams _streams = new(context);

    /// <summary>Tunnels open now.</summary>
    internal int Count => _tunnels.Count;

    /// <summary>Makes the handlers of all loops known to each other; before the loops start.</summary>
    internal void Join(InboundHandler[] all, TunnelBalancer balancer)
    {
        _all = all;
        _balancer = balancer;
    }

    /// <summary>Takes an accepted connection, or has another loop take it.</summary>
    /// <param name="handle">The socket; owned from here on.</param>
    /// <param name="peer">The other proxy's address.</param>
    internal void Accept(SocketHandle handle, SocketEndPoint peer)
    {
        if (handle.GetLocalEndPoint(out SocketEndPoint local) != SocketErrno.None)
        {
            handle.Dispose();
            return;
        }

        int loop = _balancer.Take(context.Loop.Index);
        if (loop == context.Loop.Index) _ = RunAsync(handle, peer, local);
        else _all[loop].TakeOver(handle, peer, local);
    }

    /// <summary>Lets tunnels drain that were made with replaced credentials, or to an address that has since gone to another identity.</summary>
    internal void DropStale()
    {
        foreach (TunnelConnection tunnel in _tunnels.ToArray())
        {
            TlsIdentity identity = tunnel.Parts.Identity;
            bool current = ReferenceEquals(identity, context.Seams.Certificates.Find(identity.Id))
                && context.Seams.Directory.FindLocalWorkload(tunnel.Parts.Local)?.Identity == identity.Id;
            if (!current) tunnel.Drain();
        }
    }

    /// <summary>Lets all tunnels drain.</summary>
    internal void DrainAll()
    {
        foreach (TunnelConnection tunnel in _tunnels.ToArray()) tunnel.Drain();
    }

    /// <summary>Closes all tunnels.</summary>
    internal void CloseAll()
    {
        foreach (TunnelConnection tunnel in _tunnels.ToArray()) tunnel.Close(null);
    }

    private async ValueTask RunTunnelAsync(TunnelConnection tunnel)
    {
        _tunnels.Add(tunnel);
        try
        {
            await tunnel.RunAsync();
        }
        finally
        {
            _tunnels.Remove(tunnel);
        }
    }

    private void TakeOver(SocketHandle handle, SocketEndPoint peer, SocketEndPoint local) =>
        context.Loop.Post(() => _ = RunAsync(handle, peer, local));

    private async Task RunAsync(SocketHandle handle, SocketEndPoint peer, SocketEndPoint local)
    {
        bool counted = context.Budget.TryTake();
        try
        {
            WorkloadInfo? workload = context.Seams.Directory.FindLocalWorkload(local);
            TlsIdentity? identity = workload is null || !counted ? null : await context.Certificates.FindAsync(workload.Identity);
            if (!counted || identity is null)
            {
                handle.Dispose();
                ProxyFailure failure = !counted ? ProxyFailure.Overload : workload is null ? ProxyFailure.NoRoute : ProxyFailure.NoCertificate;
                string detail = workload is null ? $"no workload of this node has the address {local}" : $"no certificate for {workload.Identity}";
                context.Reporter.Report(isServer: true, peer, workload?.Identity, null, failure, counted ? detail : "too many connections", TimeSpan.Zero);
                return;
            }

            LoopSocket socket = new(context.Loop, handle, connected: true);
            (TunnelParts? parts, _, _) = await context.Handshaker.ShakeHandsAsync(socket, peer, local, identity, isServer: true, expected: null);
            if (parts is null) return;
            await RunTunnelAsync(new TunnelConnection(parts, _streams, context.Options, context.Time));
        }
        catch (Exception exception)
        {
            context.Loop.ReportFault(exception);
            handle.Dispose();
        }
        finally
        {
            _balancer.Release(context.Loop.Index);
            if (counted) context.Budget.Release();
        }
    }
}
