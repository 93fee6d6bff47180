using Culvert.Core;
using Culvert.Interop.Sockets;
using Culvert.NodeAgent.Proxy.Loop;
using Culvert.NodeAgent.Proxy.Model;
using Culvert.NodeAgent.Proxy.Transport;
using Culvert.NodeAgent.Proxy.Tunnel;

namespace Culvert.NodeAgent.Proxy.Inbound;

/// <summary>
/// Connections of other proxies that one loop accepts, until their peers have proven who they are: the local address names the workload, whose certificate is presented.
/// Belongs to its loop's thread.
/// </summary>
/// <param name="loop">The loop.</param>
/// <param name="timeout">Time for a handshake, from the connection on.</param>
/// <param name="gate">The places of those who have not proven who they are.</param>
/// <param name="directory">Addresses.</param>
/// <param name="certificates">Credentials of this node's identities.</param>
/// <param name="handshaker">Makes tunnels of connections.</param>
/// <param name="reporter">Hears of those who do not get that far.</param>
/// <param name="tunnels">Takes those who have proven who they are.</param>
internal sealed class InboundHandshakes(
    EventLoop loop, TimeSpan timeout, HandshakeGate gate, IProxyDirectory directory, CertificateWaiter certificates, TunnelHandshaker handshaker, HandshakeReporter reporter, InboundTunnels tunnels)
{
    /// <summary>Connections whose peers have not proven who they are.</summary>
    internal int Count => gate.Count;

    /// <summary>Takes an accepted connection.</summary>
    /// <param name="handle">The socket; owned from here on.</param>
    /// <param name="peer">The other proxy's address.</param>
    /// <param name="space">The listener's.</param>
    internal void Accept(SocketHandle handle, SocketEndPoint peer, PodSpace? space)
    {
        if (handle.GetLocalEndPoint(out SocketEndPoint local) != SocketErrno.None)
        {
            handle.Dispose();
            return;
        }

        LoopSocket socket = new(loop, handle, connected: true);
        HandshakePlace? place = socket.RegisterError == SocketErrno.None ? gate.TryEnter(peer, socket) : null;
        if (place is not null)
        {
            _ = RunAsync(place, peer, local, space);
            return;
        }

        socket.Reset();
        Report(peer, null, ProxyFailure.Overload, socket.RegisterError == SocketErrno.None ? "too many handshakes of this address are under way" : $"{socket.RegisterError}");
    }

    /// <summary>Closes what would become a tunnel.</summary>
    internal void CloseAll() => gate.CloseAll();

    private async Task RunAsync(HandshakePlace place, SocketEndPoint peer, SocketEndPoint local, PodSpace? space)
    {
        LoopSocket socket = place.Socket;
        LoopTimer deadline = socket.ResetAfter(timeout);
        try
        {
            TunnelParts? parts = await AuthenticateAsync(place, peer, local, space);
            loop.Timers.Cancel(deadline);
            place.Leave();
            if (parts is not null) tunnels.Take(parts);
        }
        catch (Exception exception)
        {
            loop.ReportFault(exception);
            socket.Dispose();
        }
        finally
        {
            loop.Timers.Cancel(deadline);
            place.Leave();
        }
    }

    private async ValueTask<TunnelParts?> AuthenticateAsync(HandshakePlace place, SocketEndPoint peer, SocketEndPoint local, PodSpace? space)
    {
        // In a pod's namespace there is no other.
        WorkloadInfo? workload = directory.FindLocalWorkload(local) is { } found && (space is null || space.Uid == found.Uid) ? found : null;
        TlsIdentity? identity = workload is null ? null : await certificates.FindAsync(workload.Identity);
        if (identity is not null) return (await handshaker.AcceptAsync(place, peer, local, identity)).Parts is { } parts ? parts with { Workload = workload, Space = space } : null;
        place.Socket.Reset();
        if (workload is null) Report(peer, null, ProxyFailure.NoRoute, $"no workload of this node has the address {local}");
        else Report(peer, workload.Identity, ProxyFailure.NoCertificate, $"no certificate for {workload.Identity}");
        return null;
    }

    private void Report(in SocketEndPoint peer, SpiffeId? local, ProxyFailure failure, string detail) =>
        reporter.Report(isServer: true, peer, local, null, failure, detail, TimeSpan.Zero);
}
