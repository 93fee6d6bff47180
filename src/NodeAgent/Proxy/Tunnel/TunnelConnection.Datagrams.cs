using Culvert.Interop.Sockets;

namespace Culvert.NodeAgent.Proxy.Tunnel;

/// <content>Datagrams, which may be dropped but should not be late.</content>
internal sealed partial class TunnelConnection
{
    // A connection that takes nothing for so long is on a path that loses packets or is full; a fast one that has only been given much takes some again within one or two.
    private const int StallMilliseconds = 10;

    // How long a tunnel is treated as one that stalls after it did last.
    private const int StallMemoryMilliseconds = 10_000;

    // On a fast path large writes are worth more than room for fresh datagrams.
    private const int LargePortion = 64 * 1024;

    private DatagramQueue? _datagramQueue;
    private long _blockedSince;
    private long _lastStall;
    private bool _stalls;
    private readonly LossWatch _losses = new();

    /// <summary>Whether packets are lost on its path, so that datagrams wait for others that are sent again; known for tunnels of datagrams only.</summary>
    internal bool IsLossy { get; private set; }

    private int Portion => _stalls ? DatagramPath.UnsentBytes : LargePortion;

    /// <summary>Says that the tunnel is for datagrams: what is lost on the way is sent again sooner, and what has to wait waits where it can still be dropped.</summary>
    internal void UseForDatagrams()
    {
        if (_datagramQueue is not null) return;
        _datagramQueue = new DatagramQueue();
        if (!IsClosed) DatagramPath.Tune(Parts.Socket.Handle);
    }

    /// <summary>
    /// Has a datagram wait when the connection takes nothing just now, or others wait before it. False when it may go into the output at once.
    /// </summary>
    /// <param name="sender">Whose it is.</param>
    /// <param name="head">Its first bytes.</param>
    /// <param name="payload">The others.</param>
    internal bool TryHold(IWaitingDatagrams sender, ReadOnlySpan<byte> head, ReadOnlySpan<byte> payload)
    {
        if (_datagramQueue is null || IsFinishing) return false;
        bool full = IsWriteBlocked && (_stalls || Http2.PendingOutput >= LargePortion);
        if (!full && _datagramQueue.IsEmpty) return false;
        _datagramQueue.Add(sender, head, payload, Loop.NowMilliseconds);
        return true;
    }

    /// <inheritdoc/>
    protected override bool HasMore => _datagramQueue is { IsEmpty: false };

    /// <inheritdoc/>
    protected override bool Refill()
    {
        if (_datagramQueue is null || _datagramQueue.IsEmpty) return false;
        _datagramQueue.Release(Portion, Loop.NowMilliseconds);
        return Http2.PendingOutput > 0;
    }

    /// <inheritdoc/>
    protected override void OnBlocked() => _blockedSince = Loop.NowMilliseconds;

    /// <inheritdoc/>
    protected override void OnUnblocked()
    {
        // The kernel's own buffer grows with what is under way, and all that lies in it goes before what is fresh.
        if (_datagramQueue is null || Loop.NowMilliseconds - _blockedSince < StallMilliseconds) return;
        _lastStall = Loop.NowMilliseconds;
        if (!_stalls && !IsClosed) _ = Parts.Socket.Handle.SetNotSentLowWater(DatagramPath.UnsentBytes);
        _stalls = true;
    }

    private void LookForLosses()
    {
        if (_datagramQueue is null || Parts.Socket.Handle.GetSegmentCounts(out SegmentCounts counts) != SocketErrno.None) return;
        IsLossy = _losses.Look(counts, Loop.NowMilliseconds);
        if (IsLossy && Http2.OpenStreams > 1) LossSeen?.Invoke();
    }

    private void ForgetStall()
    {
        if (!_stalls || Loop.NowMilliseconds - _lastStall < StallMemoryMilliseconds) return;
        _stalls = false;
        _ = Parts.Socket.Handle.SetNotSentLowWater(0);
    }
}
