using Culvert.Core;
using Culvert.Http2;
using Culvert.Interop.Tls;
using Culvert.NodeAgent.Proxy.Loop;

namespace Culvert.NodeAgent.Proxy.Tunnel;

/// <summary>
/// One TLS connection between two proxies with HTTP/2 inside, either role, after its handshake. Output gathers during a turn of
/// the loop and is written once at its end, so frames of many streams share TLS records. Belongs to its loop's thread.
/// </summary>
internal sealed partial class TunnelConnection : IFlushable
{
    /// <summary>What the log says of a tunnel whose peer may not be believed any more.</summary>
    internal const string DistrustReason = "the peer's certificate has expired or its root has left the trust bundle, and it has not shown another one";

    private static readonly TimeSpan CheckInterval = TimeSpan.FromSeconds(1);

    // What HTTP/2 begins with (RFC 9113, section 6.9.2).
    private const int LeastWindow = 65_535;

    private readonly LoopSocket _socket;
    private readonly TlsConnection _tls;
    private readonly ITunnelStreams? _streams;
    private readonly TimeProvider _time;
    private readonly TimeSpan _idleTimeout;
    private readonly int _window;
    private readonly TimeSpan _suspectTime;
    private readonly LoopTimer _check;
    private readonly LoopSignal _closed = new();
    private readonly LoopSignal _readWaitsForWrite = new();
    private readonly Queue<LoopSignal> _settingsWaiters = new();
    private long _idleSince;
    private readonly LoopTimer _finish;
    private readonly LoopTimer _distrust;
    private readonly TimeSpan _distrustDrain;
    private bool _distrusted;
    private bool _finishing;
    private bool _writeBlocked;
    private bool _writeWaitsForRead;

    /// <summary>Takes over a connection whose handshake is done.</summary>
    /// <param name="parts">Socket, TLS and who is at both ends.</param>
    /// <param name="streams">Takes streams (server role); null for the client role.</param>
    /// <param name="options">HTTP/2 settings and the idle timeout.</param>
    /// <param name="time">The clock.</param>
    internal TunnelConnection(TunnelParts parts, ITunnelStreams? streams, ProxyOptions options, TimeProvider time)
    {
        Parts = parts;
        _socket = parts.Socket;
        _tls = parts.Tls;
        _streams = streams;
        _time = time;
        _idleTimeout = options.TunnelIdleTimeout;
        _window = options.Http2.StreamWindow;
        _suspectTime = options.TunnelSuspectTime;
        _check = new LoopTimer(static state => ((TunnelConnection)state!).Check(), this);
        _distrustDrain = options.DistrustDrain;
        _distrust = new LoopTimer(static state => ((TunnelConnection)state!).Close(DistrustReason), this);
        _finish = new LoopTimer(static state => ((TunnelConnection)state!).Close(null), this);
        _idleSince = Loop.NowMilliseconds;
        Account = Loop.Buffers.Open(streams is null ? parts.Identity.Id : parts.Local.WithPort(0));
        Account.Rising += NarrowWindows;
        Http2 = new Http2Connection(streams is null ? Http2Role.Client : Http2Role.Server, options.Http2, this, time);
    }

    /// <summary>The loop.</summary>
    internal EventLoop Loop => _socket.Loop;

    /// <summary>Socket, TLS and who is at both ends.</summary>
    internal TunnelParts Parts { get; }

    /// <summary>The identity the peer has proven.</summary>
    internal SpiffeId PeerIdentity => Parts.PeerIdentity;

    /// <summary>Called once, when the peer may not be believed any more.</summary>
    internal Action<TunnelConnection>? Distrusted { get; init; }

    /// <summary>Called again and again while streams are open and both sides should prove themselves anew; client role only.</summary>
    internal Action? ProofDue { get; init; }

    /// <summary>Called again and again while packets are lost on the way of several sessions' datagrams.</summary>
    internal Action? LossSeen { get; init; }

    /// <summary>
    /// Buffers for what the tunnel's streams have for slow sockets: of the workload that it leads to, or of the identity that it was opened for.
    /// </summary>
    internal BufferAccount Account { get; }

    /// <summary>The framing.</summary>
    internal Http2Connection Http2 { get; }

    /// <summary>Whether it takes another stream, and its peer has answered lately: one that is cut off may come back, but nobody should wait for that.</summary>
    internal bool CanOpenStream => Http2.CanOpenStream && Http2.Unanswered < _suspectTime;

    /// <summary>Whether the connection is over.</summary>
    internal bool IsClosed { get; private set; }

    /// <summary>Why it ended, in words; null while it runs or after an orderly end.</summary>
    internal string? CloseReason { get; private set; }

    /// <summary>Whether it failed before the peer had said a word of HTTP/2: as a server does that refuses the client's certificate.</summary>
    internal bool WasRefused => IsClosed && CloseReason is not null && !Http2.PeerSettingsReceived;

    /// <inheritdoc/>
    bool IFlushable.IsFlushScheduled { get; set; }

    /// <summary>Runs until the connection is over.</summary>
    internal async ValueTask RunAsync()
    {
        Http2.Start();
        NarrowWindows();
        ScheduleFlush();
        Loop.Schedule(_check, CheckInterval);
        _ = ReadLoopAsync();
        if (!IsClosed) await _closed.WaitAsync();
    }

    /// <summary>Has the output written at the end of this turn.</summary>
    internal void ScheduleFlush() => Loop.ScheduleFlush(this);

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

    /// <summary>Takes no new streams, lets running ones end, then closes.</summary>
    internal void Drain()
    {
        if (IsClosed) return;
        Http2.ShutdownGracefully();
        ScheduleFlush();
    }

    /// <summary>Closes now; running streams are reset.</summary>
    /// <param name="reason">Why, for the log; null for an orderly end.</param>
    internal void Close(string? reason)
    {
        if (IsClosed) return;
        IsClosed = true;
        CloseReason ??= reason;
        Loop.Timers.Cancel(_check);
        Loop.Timers.Cancel(_finish);
        Loop.Timers.Cancel(_distrust);
        Account.Rising -= NarrowWindows;
        Http2.TransportClosed();
        _datagramQueue?.Clear();
        Loop.Buffers.Close(Account);
        WakeSettingsWaiters();
        if (reason is null && !_finishing) _tls.Shutdown();
        _socket.Dispose();
        _tls.Dispose();
        _closed.Set(true);
    }

    private void WakeSettingsWaiters()
    {
        while (_settingsWaiters.TryDequeue(out LoopSignal? waiter)) waiter.Set(!IsClosed);
    }

    // The nearer the account is to its share, the less each stream of the peer may have under way.
    private void NarrowWindows()
    {
        int window = Math.Max(LeastWindow, _window >> (2 * Account.Pressure));
        if (window >= Http2.StreamWindow) return;
        Http2.ChangeStreamWindow(window);
        ScheduleFlush();
    }

    private void Check()
    {
        if (IsClosed) return;
        CheckTrust();
        ForgetStall();
        LookForLosses();
        if (Account.Pressure == 0) Http2.ChangeStreamWindow(_window);
        Http2.CheckTimeouts();
        ScheduleFlush();
        if (Http2.OpenStreams > 0) _idleSince = Loop.NowMilliseconds;
        else if (_streams is null && Loop.NowMilliseconds - _idleSince >= _idleTimeout.TotalMilliseconds) Drain();
        Loop.Schedule(_check, CheckInterval);
    }

    /// <summary>A peer that may not be believed any more gets no new streams; those that run have a little time to end, then they are reset.</summary>
    private void CheckTrust()
    {
        if (_distrusted) return;
        if (Parts.Trust.Holds)
        {
            if (_streams is null && Http2.OpenStreams > 0 && Parts.Trust.IsDue) ProofDue?.Invoke();
            return;
        }

        _distrusted = true;
        Distrusted?.Invoke(this);
        Loop.Schedule(_distrust, _distrustDrain);
        Drain();
    }
}
