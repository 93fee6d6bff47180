using Culvert.NodeAgent.Proxy.Connections;
using Culvert.NodeAgent.Proxy.Limits;
using Culvert.NodeAgent.Proxy.Loop;
using Culvert.NodeAgent.Proxy.Model;
using Culvert.NodeAgent.Proxy.Relay;
using Culvert.NodeAgent.Proxy.Transport;

namespace Culvert.NodeAgent.Proxy.Udp;

/// <summary>
/// What sessions of datagrams have in common, whatever they go between: since nothing tells that one is over, it ends when nothing has passed for some time; it
/// counts bytes, is reported, and ends once. Belongs to its loop's thread.
/// </summary>
internal abstract class DatagramSession : IRunningConnection
{
    private readonly LoopTimer _timer;
    private readonly DatagramSessionTimes _times;
    private ProxiedConnection? _connection;
    private TimeSpan _idleTimeout;
    private long _lastActive;

    /// <summary>A session that was active just now; it has no timer yet.</summary>
    /// <param name="loop">The loop.</param>
    /// <param name="times">How long it is kept.</param>
    protected DatagramSession(EventLoop loop, DatagramSessionTimes times)
    {
        (Loop, _times) = (loop, times);
        _timer = new LoopTimer(static state => ((DatagramSession)state!).OnTimer(), this);
        _lastActive = loop.NowMilliseconds;
    }

    /// <inheritdoc/>
    public long BytesSent { get; private set; }

    /// <inheritdoc/>
    public long BytesReceived { get; private set; }

    /// <inheritdoc/>
    public ProxyFailure Failure { get; private set; }

    /// <summary>Whether it is over.</summary>
    internal bool IsClosed { get; private set; }

    /// <summary>The loop.</summary>
    protected EventLoop Loop { get; }

    /// <inheritdoc/>
    public virtual void Abort(ProxyFailure failure) => Close(failure);

    /// <summary>Ends it. Does nothing when it is over already.</summary>
    /// <param name="failure">Why; None for an orderly end.</param>
    internal void Close(ProxyFailure failure)
    {
        if (IsClosed) return;
        (IsClosed, Failure) = (true, failure);
        Loop.Timers.Cancel(_timer);
        Release();
        _connection?.Close();
    }

    /// <summary>Gives back what the session holds. Called once, when it ends, before that is reported.</summary>
    protected abstract void Release();

    /// <summary>Gives back the path to the application and the session's places, but for one place that is kept a while where policy has ended the session.</summary>
    /// <param name="peer">The path; null where there was none.</param>
    /// <param name="lease">The places; null where none were taken.</param>
    protected void Release(IDatagramPeer? peer, BudgetLease? lease)
    {
        if (peer is not null && lease is not null && Failure == ProxyFailure.PolicyChanged) peer.EndByPolicy(lease.Split());
        else peer?.Dispose();
        lease?.Dispose();
    }

    /// <summary>Reports it as opened, and as closed when it ends, which may be at once: what it was authorised by may have changed while its path was being made.</summary>
    /// <param name="connection">What the guard has registered.</param>
    internal void Report(ProxiedConnection connection)
    {
        connection.Open(this);
        if (IsClosed) connection.Close();
        else _connection = connection;
    }

    /// <summary>From now on it ends, unless it has, when nothing has passed for as long as it may be idle.</summary>
    protected void CloseWhenIdle()
    {
        _idleTimeout = _times.Idle;
        if (!IsClosed) Loop.Schedule(_timer, _idleTimeout);
    }

    /// <summary>It was refused, or failed, which is remembered for a while.</summary>
    protected void CloseAfterFailure(ProxyFailure failure) => CloseAfter(ProxyFailures.IsTransient(failure) ? _times.Retry : _times.Refusal);

    private void CloseAfter(TimeSpan time)
    {
        _idleTimeout = TimeSpan.Zero;
        if (!IsClosed) Loop.Schedule(_timer, time);
    }

    /// <summary>Something passes: it is not idle.</summary>
    protected void MarkActive() => _lastActive = Loop.NowMilliseconds;

    /// <summary>A datagram of the client went on towards the application.</summary>
    protected void CountSent(ReadOnlySpan<byte> payload) => BytesSent += payload.Length;

    /// <summary>A datagram of the application went on towards the client.</summary>
    protected void CountReceived(ReadOnlySpan<byte> payload) => BytesReceived += payload.Length;

    private void OnTimer()
    {
        TimeSpan left = _idleTimeout - TimeSpan.FromMilliseconds(Loop.NowMilliseconds - _lastActive);
        if (left <= TimeSpan.Zero) Close(ProxyFailure.None);
        else Loop.Schedule(_timer, left);
    }
}
