using Culvert.Interop.Sockets;
using Culvert.NodeAgent.Proxy.Limits;
using Culvert.NodeAgent.Proxy.Loop;
using Culvert.NodeAgent.Proxy.Model;
using Culvert.NodeAgent.Proxy.Transport;
using Culvert.NodeAgent.Proxy.Tunnel;

namespace Culvert.NodeAgent.Proxy.Inbound;

/// <summary>
/// Tunnels of other proxies on one loop, whose peers have proven who they are: HTTP/2, whose streams go to <see cref="InboundStreams"/>. Belongs to its loop's thread.
/// </summary>
/// <param name="loop">The loop.</param>
/// <param name="options">HTTP/2 settings and time limits.</param>
/// <param name="budget">Places of accepted tunnels, over all loops.</param>
/// <param name="directory">Who has the tunnels' addresses now.</param>
/// <param name="certificates">Which credentials are in force.</param>
/// <param name="reporter">Hears of tunnels that are refused, and of peers that may not be believed any more.</param>
/// <param name="streams">Takes the tunnels' streams.</param>
/// <param name="time">The clock.</param>
internal sealed class InboundTunnels(
    EventLoop loop, TunnelOptions options, SharedBudget budget, IProxyDirectory directory, CertificateWaiter certificates, HandshakeReporter reporter, InboundStreams streams, TimeProvider time)
{
    private readonly HashSet<TunnelConnection> _tunnels = [];
    private InboundTunnels[] _all = [];
    private TunnelBalancer _balancer = new(1);

    /// <summary>Tunnels open now.</summary>
    internal int Count => _tunnels.Count;

    /// <summary>Makes the tunnels of all loops known to each other; before the loops start.</summary>
    internal void Join(InboundTunnels[] all, TunnelBalancer balancer)
    {
        _all = all;
        _balancer = balancer;
    }

    /// <summary>Takes a tunnel, which runs until it is over: on this loop, or on another, which has fewer. What its peer holds is counted by its identity.</summary>
    /// <param name="parts">A connection of this loop; owned from here on.</param>
    internal void Take(TunnelParts parts)
    {
        BudgetResult answer = budget.TryTake(BudgetHolder.Of(parts.PeerIdentity, parts.Identity.Id));
        if (answer != BudgetResult.Taken)
        {
            Refuse(parts, ProxyFailures.FromBudget(answer), answer == BudgetResult.Full ? "too many tunnels" : $"too many tunnels of {parts.PeerIdentity}");
            return;
        }

        int taker = _balancer.Take(loop.Index);
        if (taker == loop.Index) _ = RunAsync(parts);
        else _all[taker].TakeOver(parts);
    }

    /// <summary>Lets tunnels drain that were made with replaced credentials, or to an address that has since gone to another identity, and ends those whose peers were revoked.</summary>
    internal void DrainStale()
    {
        foreach (TunnelConnection tunnel in _tunnels.ToArray())
        {
            tunnel.CheckTrust();
            TlsIdentity identity = tunnel.Parts.Identity;
            bool current = ReferenceEquals(identity, certificates.Current(identity.Id))
                && directory.FindLocalWorkload(tunnel.Parts.Local)?.Identity == identity.Id;
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
        foreach (TunnelConnection tunnel in _tunnels.ToArray()) tunnel.Close();
    }

    /// <summary>Closes those that arrived in a space, which has been given up.</summary>
    internal void CloseOf(PodSpace space)
    {
        foreach (TunnelConnection tunnel in _tunnels.Where(t => t.Parts.Space == space).ToArray()) tunnel.Close();
    }

    // On the thread of the loop that the connection leaves.
    private void TakeOver(TunnelParts parts)
    {
        SocketHandle handle = parts.Socket.Detach();
        loop.Post(() => _ = RunAsync(parts with { Socket = new LoopSocket(loop, handle, connected: true) }));
    }

    private async Task RunAsync(TunnelParts parts)
    {
        TunnelConnection? tunnel = null;
        try
        {
            if (parts.Socket.RegisterError != SocketErrno.None)
            {
                Refuse(parts, ProxyFailure.Overload, $"{parts.Socket.RegisterError}");
                return;
            }

            if (parts.Space is { IsClosed: true })
            {
                Refuse(parts, ProxyFailure.NoRoute, "the workload's namespace has been given up");
                return;
            }

            tunnel = new TunnelConnection(parts, streams, options, time)
            {
                Distrusted = (distrusted, doubt) => reporter.ReportDistrust(distrusted.Parts, isServer: true, doubt),
            };
            _tunnels.Add(tunnel);
            await tunnel.RunAsync();
        }
        catch (Exception exception)
        {
            loop.ReportFault(exception);
            parts.Socket.Dispose();
        }
        finally
        {
            if (tunnel is not null) _tunnels.Remove(tunnel);
            _balancer.Release(loop.Index);
            budget.Release(BudgetHolder.Of(parts.PeerIdentity, parts.Identity.Id));
        }
    }

    private void Refuse(TunnelParts parts, ProxyFailure failure, string detail)
    {
        parts.Socket.Reset();
        parts.Tls.Dispose();
        reporter.Report(isServer: true, parts.Peer, parts.Identity.Id, null, failure, detail, TimeSpan.Zero, parts.TlsGroup);
    }
}
