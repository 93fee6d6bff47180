using System.Runtime.CompilerServices;
using Culvert.Core;
using Culvert.Interop.Sockets;
using Culvert.NodeAgent.Proxy.Kept;
using Culvert.NodeAgent.Proxy.Limits;
using Culvert.NodeAgent.Proxy.Model;
using Culvert.NodeAgent.Proxy.Relay;
using Culvert.NodeAgent.Proxy.Transport;

namespace Culvert.NodeAgent.Proxy.Connections;

/// <summary>
/// One connection, or session of datagrams, from being admitted to its end: it is opened and closed, or it fails, or it is withdrawn. Until then the guard may abort it.
/// Belongs to its loop's thread.
/// </summary>
internal sealed class ProxiedConnection
{
    private readonly ConnectionGuard _guard;
    private readonly ITransport? _client;
    private IRunningConnection? _relay;
    private long _opened;
    private bool _isOver;

    internal ProxiedConnection(ConnectionGuard guard, in ProxyConnectionInfo info, ITransport? client, bool isDestinationHere)
    {
        _guard = guard;
        _client = client;
        Info = info;
        IsDestinationHere = isDestinationHere;
    }

    /// <summary>What is known of it; its decision is policy's last.</summary>
    internal ProxyConnectionInfo Info { get; private set; }

    /// <summary>Whether it is decided here whether it may come in at its destination; otherwise only whether it may go out of its source.</summary>
    internal bool IsDestinationHere { get; }

    /// <summary>Why it was aborted before it was open; None when it was not.</summary>
    internal ProxyFailure Aborted { get; private set; }

    /// <summary>Whose account what waits for its client is on.</summary>
    internal BudgetHolder ClientHolder => HolderOf(Info.SourceWorkload, Info.LoadBalancer ?? Info.Source);

    /// <summary>Whose account what waits for its other end is on.</summary>
    internal BudgetHolder ServerHolder => HolderOf(Info.DestinationWorkload, Info.Target);

    /// <summary>The clock.</summary>
    internal TimeProvider Time => _guard.Time;

    /// <summary>Asks external authorizers about its requests.</summary>
    internal IRequestAuthorizers Authorizers => _guard.Authorizers ?? throw new InvalidOperationException("nobody asks external authorizers on this loop");

    /// <summary>Whether one more of its requests may wait until it is on time.</summary>
    internal bool HasRoomToDelay => _guard.Authorizers?.HasRoomToDelay(Info) == true;

    /// <summary>What policy has left to be decided about its requests; null: nothing.</summary>
    internal RequestRules? RequestRules { get; set; }

    /// <summary>Where responses are kept that come by it; null: nowhere.</summary>
    internal ResponseCache? Responses { get; set; }

    /// <summary>Called when <see cref="RequestRules"/> have changed.</summary>
    internal Action? RulesChanged { get; set; }

    internal ProxiedConnection? Next { get; set; }

    /// <summary>Says what policy has decided since it was admitted.</summary>
    internal void Decide(in Decision decision) => Info = Info with { Decision = decision };

    internal ProxiedConnection? Previous { get; set; }

    /// <summary>Notes the key exchange group of the tunnel that carries it.</summary>
    /// <param name="group">The name that TLS gives it.</param>
    internal void NoteTunnel(string? group) => Info = Info with { TlsGroup = group };

    /// <summary>Connects to its other end. Where there is none the connection has to <see cref="Fail"/>.</summary>
    /// <param name="upstream">The path there.</param>
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    internal async ValueTask<UpstreamResult> ConnectAsync(IUpstream upstream)
    {
        UpstreamResult result = await upstream.ConnectAsync(this);
        if (result.TlsGroup is not null) NoteTunnel(result.TlsGroup);
        if (Aborted == ProxyFailure.None) return result;

        // What has not begun is not reported as begun.
        result.Transport?.Reset(Aborted);
        return new UpstreamResult(null, Aborted);
    }

    /// <summary>
    /// Reports it as opened. The relay has been aborted when this returns if the connection was before, or if the mesh has changed and that has not been made known yet: a
    /// snapshot is in force for a moment before it is.
    /// </summary>
    /// <param name="relay">What carries its bytes.</param>
    internal void Open(IRunningConnection relay)
    {
        _relay = relay;
        _opened = _guard.OnOpened(this);
        if (Aborted == ProxyFailure.None && !_guard.IsStillAllowed(this)) Aborted = ProxyFailure.PolicyChanged;
        if (Aborted != ProxyFailure.None) relay.Abort(Aborted);
    }

    /// <summary>Reports one that was opened as closed.</summary>
    internal void Close()
    {
        if (_isOver) return;
        _isOver = true;
        _guard.OnClosed(this, _relay!, _opened);
    }

    /// <summary>It could not be opened, or a fault ended it: the client sees a reset, and it is reported.</summary>
    /// <param name="failure">Why; what the guard had to say before counts more.</param>
    /// <param name="detail">More words, or null.</param>
    /// <param name="resetsClient">False: the caller answers the client, and closes it.</param>
    internal void Fail(ProxyFailure failure, string? detail, bool resetsClient = true)
    {
        if (_isOver) return;
        if (_relay is not null)
        {
            _relay.Abort(failure);
            Close();
            return;
        }

        _isOver = true;
        if (Aborted != ProxyFailure.None) (failure, detail) = (Aborted, null);
        if (resetsClient) _client?.Reset(failure);
        _guard.OnFailed(this, failure, detail);
    }

    /// <summary>It is not to be opened; whoever says so reports why.</summary>
    internal void Withdraw()
    {
        if (_isOver) return;
        _isOver = true;
        _guard.OnWithdrawn(this);
    }

    /// <summary>Resets it; while it is being made, its client.</summary>
    internal void Abort(ProxyFailure failure)
    {
        if (_relay is not null)
        {
            _relay.Abort(failure);
            return;
        }

        if (Aborted == ProxyFailure.None) Aborted = failure;
        _client?.Reset(failure);
    }

    // A workload has one share, however many addresses it has.
    private static BudgetHolder HolderOf(WorkloadInfo? workload, in SocketEndPoint address) => workload is null ? BudgetHolder.Of(address) : BudgetHolder.Of(workload);
}
