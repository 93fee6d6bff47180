using Culvert.Core;
using Culvert.Http2;
using Culvert.NodeAgent.Proxy.Limits;
using Culvert.NodeAgent.Proxy.Loop;
using Culvert.NodeAgent.Proxy.Model;
using Culvert.NodeAgent.Proxy.Transport;

namespace Culvert.NodeAgent.Proxy.Tunnel;

/// <summary>
/// One TLS connection between two proxies with HTTP/2 inside, either role, after its handshake: what a tunnel has beyond other HTTP/2 connections is a peer that has proven
/// who it is, and datagrams. Belongs to its loop's thread.
/// </summary>
internal sealed partial class TunnelConnection : Http2Driver
{
    private readonly TimeSpan _suspectTime;
    private readonly Queue<LoopSignal> _settingsWaiters = new();
    private readonly LoopTimer _distrust;
    private readonly TimeSpan _distrustDrain;
    private ProxyFailure _doubt;
    private bool _isLate;

    /// <summary>Takes over a connection whose handshake is done.</summary>
    /// <param name="parts">Socket, TLS and who is at both ends.</param>
    /// <param name="requests">Takes streams (server role); null for the client role.</param>
    /// <param name="options">HTTP/2 settings and time limits.</param>
    /// <param name="time">The clock.</param>
    internal TunnelConnection(TunnelParts parts, IHttp2Requests<TunnelConnection>? requests, TunnelOptions options, TimeProvider time)
        : base(
            new TlsTransport(parts.Socket, parts.Tls), requests is null ? null : new TunnelRequests(requests), options.Http2, options.IdleTimeout,
            parts.Workload is { } workload ? BudgetHolder.Of(workload) : BudgetHolder.Of(parts.Identity.Id), time)
    {
        Parts = parts;
        _suspectTime = options.SuspectTime;
        _distrustDrain = options.DistrustDrain;
        _distrust = new LoopTimer(static state => ((TunnelConnection)state!).EndDoubted(), this);
    }

    /// <summary>Socket, TLS and who is at both ends.</summary>
    internal TunnelParts Parts { get; }

    /// <summary>The identity the peer has proven.</summary>
    internal SpiffeId PeerIdentity => Parts.PeerIdentity;

    /// <summary>Called whenever the peer may not be believed any more, with the reason.</summary>
    internal Action<TunnelConnection, ProxyFailure>? Distrusted { get; init; }

    /// <summary>Called again and again while streams are open and both sides should prove themselves anew; client role only.</summary>
    internal Action? ProofDue { get; init; }

    /// <summary>Called again and again while packets are lost on the way of several sessions' datagrams.</summary>
    internal Action? LossSeen { get; init; }

    /// <summary>Whether it takes another stream, and its peer has answered lately: one that is cut off may come back, but nobody should wait for that.</summary>
    internal bool CanOpenStream => Http2.CanOpenStream && Http2.Unanswered < _suspectTime;

    /// <summary>Whether it failed before the peer had said a word of HTTP/2: as a server does that refuses the client's certificate.</summary>
    internal bool WasRefused => IsClosed && CloseReason is not null && !Http2.PeerSettingsReceived;

    /// <summary>Whether it has been reported that the peer does not take UDP.</summary>
    internal bool IsWithoutUdpReported { get; set; }

    /// <summary>Those who will open a stream as soon as the peer has said what it allows.</summary>
    internal int SettingsWaiters => _settingsWaiters.Count;

    /// <summary>Waits until the peer has said what it allows; false when the connection ends before.</summary>
    internal ValueTask<bool> SettingsAsync()
    {
        if (IsClosed || Http2.PeerSettingsReceived) return new ValueTask<bool>(!IsClosed);
        LoopSignal waiter = new();
        _settingsWaiters.Enqueue(waiter);
        return waiter.WaitAsync();
    }

    /// <inheritdoc/>
    protected override void OnSettings()
    {
        while (_settingsWaiters.TryDequeue(out LoopSignal? waiter)) waiter.Set(!IsClosed);
    }

    /// <inheritdoc/>
    protected override void OnClosing()
    {
        Loop.Timers.Cancel(_distrust);
        _datagramQueue?.Clear();
        OnSettings();
    }

    /// <inheritdoc/>
    protected override void OnCheck()
    {
        CheckTrust();
        ForgetStall();
        LookForLosses();
    }

    /// <summary>
    /// A peer that may not be believed any more gets no new streams; those that run have a little time, in which they end or it proves itself anew, then they are reset. One that was revoked has none: its key may be
    /// another's by now.
    /// </summary>
    internal void CheckTrust()
    {
        if (IsClosed || _doubt == ProxyFailure.PeerRevoked) return;
        ProxyFailure doubt = Parts.Trust.Doubt;

        // Also while it is in doubt: a proof that comes late, as of a node that is overloaded, is one.
        bool isLate = doubt == ProxyFailure.PeerIdentityMismatch && Parts.Trust.IsOnlyLate;
        if ((doubt == ProxyFailure.None || isLate) && Http2.Role == Http2Role.Client && Http2.OpenStreams > 0 && Parts.Trust.IsDue) ProofDue?.Invoke();
        if (doubt == _doubt) _isLate &= isLate;
        if (doubt == _doubt || (doubt == ProxyFailure.None && !_isLate)) return;
        (_doubt, _isLate) = (doubt, isLate);
        if (doubt == ProxyFailure.None)
        {
            Loop.Timers.Cancel(_distrust);
            return;
        }

        Distrusted?.Invoke(this, doubt);
        Loop.Schedule(_distrust, doubt == ProxyFailure.PeerRevoked ? TimeSpan.Zero : _distrustDrain);
        Drain();
    }

    private void EndDoubted() => Close(PeerTrust.Describe(_doubt), _doubt);

    /// <summary>Requests as those who serve tunnels take them: the connection is a tunnel.</summary>
    private sealed class TunnelRequests(IHttp2Requests<TunnelConnection> requests) : IHttp2Requests<Http2Driver>
    {
        public void OnRequest(Http2Driver connection, Http2Stream stream, HeaderList headers, bool endStream) =>
            requests.OnRequest((TunnelConnection)connection, stream, headers, endStream);
    }
}
