using Culvert.Core;
using Culvert.Interop.Sockets;
using Culvert.NodeAgent.Proxy.Limits;
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
    private readonly HandshakeGate _gate = new(
        Math.Max(1, context.Options.MaxHandshakes / context.Shared.Loops), Math.Max(1, context.Options.MaxHandshakesPerSource / context.Shared.Loops));

    /// <summary>Tunnels open now.</summary>
    internal int Count => _tunnels.Count;

    /// <summary>Connections whose peers have not proven who they are.</summary>
    internal int Handshakes => _gate.Count;

    /// <summary>Makes the handlers of all loops known to each other; before the loops start.</summary>
    internal void Join(InboundHandler[] all, TunnelBalancer balancer)
    {
        _all = all;
        _balancer = balancer;
    }

    /// <summary>Takes an accepted connection. When its peer has proven who it is, another loop may take it over.</summary>
    /// <param name="handle">The socket; owned from here on.</param>
    /// <param name="peer">The other proxy's address.</param>
    internal void Accept(SocketHandle handle, SocketEndPoint peer)
    {
        if (handle.GetLocalEndPoint(out SocketEndPoint local) != SocketErrno.None)
        {
            handle.Dispose();
            return;
        }

        LoopSocket socket = new(context.Loop, handle, connected: true);
        HandshakePlace? place = socket.RegisterError == SocketErrno.None ? _gate.TryEnter(peer, socket) : null;
        if (place is not null)
        {
            _ = RunAsync(place, peer, local);
            return;
        }

        socket.Reset();
        Report(peer, null, ProxyFailure.Overload, socket.RegisterError == SocketErrno.None ? "too many handshakes of this address are under way" : $"{socket.RegisterError}");
    }

    /// <summary>Lets tunnels drain that were made with replaced credentials, or to an address that has since gone to another identity.</summary>
    internal void DropStale()
    {
        foreach (TunnelConnection tunnel in _tunnels.ToArray())
        {
            TlsIdentity identity = tunnel.Parts.Identity;
            bool current = ReferenceEquals(identity, context.Certificates.Current(identity.Id))
                && context.Directory.FindLocalWorkload(tunnel.Parts.Local)?.Identity == identity.Id;
            if (!current) tunnel.Drain();
        }
    }

    /// <summary>Lets all tunnels drain.</summary>
    internal void DrainAll()
    {
        foreach (TunnelConnection tunnel in _tunnels.ToArray()) tunnel.Drain();
    }

    /// <summary>Closes all tunnels, and what would become one.</summary>
    internal void CloseAll()
    {
        _gate.CloseAll();
        foreach (TunnelConnection tunnel in _tunnels.ToArray()) tunnel.Close();
    }

    private async Task RunAsync(HandshakePlace place, SocketEndPoint peer, SocketEndPoint local)
    {
        LoopSocket socket = place.Socket;
        LoopTimer deadline = socket.ResetAfter(context.Options.PeerHandshakeTimeout);
        try
        {
            TunnelParts? parts = await AuthenticateAsync(place, peer, local);
            context.Loop.Timers.Cancel(deadline);
            place.Leave();
            if (parts is not null) await GoOnAsync(parts);
        }
        catch (Exception exception)
        {
            context.Loop.ReportFault(exception);
            socket.Dispose();
        }
        finally
        {
            context.Loop.Timers.Cancel(deadline);
            place.Leave();
        }
    }

    private async ValueTask<TunnelParts?> AuthenticateAsync(HandshakePlace place, SocketEndPoint peer, SocketEndPoint local)
    {
        WorkloadInfo? workload = context.Directory.FindLocalWorkload(local);
        TlsIdentity? identity = workload is null ? null : await context.Certificates.FindAsync(workload.Identity);
        if (identity is not null) return (await context.Handshaker.HandshakeAsync(place.Socket, peer, local, identity, place, expected: null)).Parts;
        place.Socket.Reset();
        if (workload is null) Report(peer, null, ProxyFailure.NoRoute, $"no workload of this node has the address {local}");
        else Report(peer, workload.Identity, ProxyFailure.NoCertificate, $"no certificate for {workload.Identity}");
        return null;
    }

    // The peer is known from here on: what it holds is counted by its identity, and tunnels are spread over the loops.
    private async ValueTask GoOnAsync(TunnelParts parts)
    {
        BudgetAnswer answer = context.Shared.Tunnels.TryTake(BudgetHolder.Of(parts.PeerIdentity));
        if (answer != BudgetAnswer.Taken)
        {
            parts.Socket.Reset();
            parts.Tls.Dispose();
            Report(parts.Peer, parts.Identity.Id, Failures.FromBudget(answer), answer == BudgetAnswer.Full ? "too many tunnels" : $"too many tunnels of {parts.PeerIdentity}");
            return;
        }

        int loop = _balancer.Take(context.Loop.Index);
        if (loop == context.Loop.Index) await RunTunnelAsync(parts);
        else _all[loop].TakeOver(parts);
    }

    private void TakeOver(TunnelParts parts)
    {
        SocketHandle handle = parts.Socket.Detach();
        context.Loop.Post(() => _ = AdoptAsync(parts, handle));
    }

    private async Task AdoptAsync(TunnelParts parts, SocketHandle handle)
    {
        LoopSocket socket = new(context.Loop, handle, connected: true);
        try
        {
            await RunTunnelAsync(parts with { Socket = socket });
        }
        catch (Exception exception)
        {
            context.Loop.ReportFault(exception);
            socket.Dispose();
        }
    }

    private async ValueTask RunTunnelAsync(TunnelParts parts)
    {
        TunnelConnection? tunnel = null;
        try
        {
            if (parts.Socket.RegisterError != SocketErrno.None)
            {
                parts.Socket.Reset();
                parts.Tls.Dispose();
                Report(parts.Peer, parts.Identity.Id, ProxyFailure.Overload, $"{parts.Socket.RegisterError}");
                return;
            }

            tunnel = new TunnelConnection(parts, _streams, context.Options, context.Time)
            {
                Distrusted = distrusted => context.Handshaker.ReportDistrust(distrusted.Parts, isServer: true),
            };
            _tunnels.Add(tunnel);
            await tunnel.RunAsync();
        }
        finally
        {
            if (tunnel is not null) _tunnels.Remove(tunnel);
            _balancer.Release(context.Loop.Index);
            context.Shared.Tunnels.Release(BudgetHolder.Of(parts.PeerIdentity));
        }
    }

    private void Report(in SocketEndPoint peer, SpiffeId? local, ProxyFailure failure, string detail) =>
        context.Reporter.Report(isServer: true, peer, local, null, failure, detail, TimeSpan.Zero);
}
