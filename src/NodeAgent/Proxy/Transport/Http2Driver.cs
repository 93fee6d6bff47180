using Culvert.Http2;
using Culvert.NodeAgent.Proxy.Limits;
using Culvert.NodeAgent.Proxy.Loop;
using Culvert.NodeAgent.Proxy.Model;

namespace Culvert.NodeAgent.Proxy.Transport;

/// <summary>
/// Drives one HTTP/2 connection over a transport, in either role: a tunnel's TLS connection, an application's socket in plaintext, or a stream of another connection.
/// Output gathers during a turn of the loop and is written once at its end, so frames of many streams share records and system calls. Belongs to its loop's thread.
/// </summary>
internal partial class Http2Driver : IFlushable
{
    private static readonly TimeSpan CheckInterval = TimeSpan.FromSeconds(1);

    // How long a peer may take nothing of the last that is sent to it.
    private static readonly TimeSpan LastTimeout = TimeSpan.FromSeconds(30);

    // What HTTP/2 begins with (RFC 9113, section 6.9.2).
    private const int LeastWindow = 65_535;

    private readonly ITransport _transport;
    private readonly IHttp2Requests<Http2Driver>? _requests;
    private readonly TimeProvider _time;
    private readonly TimeSpan _idleTimeout;
    private readonly int _window;
    private readonly LoopTimer _check;
    private readonly LoopTimer _finish;
    private readonly LoopSignal _closed = new();
    private long _idleSince;
    private bool _finishing;
    private bool _writeBlocked;
    private bool _isRunning;
    private bool _isDraining;
    private ReadOnlyMemory<byte> _before;
    private long _overSince = long.MaxValue;

    /// <summary>Takes over a transport; nothing is sent before <see cref="RunAsync"/>.</summary>
    /// <param name="transport">The transport; owned from here on.</param>
    /// <param name="requests">Takes the requests of the peer, which makes this side the server; null makes it the client.</param>
    /// <param name="options">HTTP/2 settings.</param>
    /// <param name="idleTimeout">After how long without a stream a client closes the connection.</param>
    /// <param name="holder">Whose account buffers are on for what streams have for slow readers.</param>
    /// <param name="time">The clock.</param>
    internal Http2Driver(ITransport transport, IHttp2Requests<Http2Driver>? requests, Http2Options options, TimeSpan idleTimeout, in BudgetHolder holder, TimeProvider time)
    {
        _transport = transport;
        _requests = requests;
        _time = time;
        _idleTimeout = idleTimeout;
        _window = options.StreamWindow;
        _check = new LoopTimer(static state => ((Http2Driver)state!).Check(), this);
        _finish = new LoopTimer(static state => ((Http2Driver)state!).Close(), this);
        _idleSince = Loop.NowMilliseconds;
        Account = Loop.Buffers.Open(holder);
        Account.Rising += NarrowWindows;
        Http2 = new Http2Connection(requests is null ? Http2Role.Client : Http2Role.Server, options, this, time);
    }

    /// <summary>The loop.</summary>
    internal EventLoop Loop => _transport.Loop;

    /// <summary>Buffers for what the connection's streams have for slow readers.</summary>
    internal BufferAccount Account { get; }

    /// <summary>The framing.</summary>
    internal Http2Connection Http2 { get; }

    /// <summary>Whether the connection is over.</summary>
    internal bool IsClosed { get; private set; }

    /// <summary>Why it ended, in words; null while it runs or after an orderly end.</summary>
    internal string? CloseReason { get; private set; }

    /// <summary>Whether nothing may be sent any more: it is over, or about to be.</summary>
    protected bool IsFinishing => IsClosed || _finishing;

    /// <summary>Whether the transport takes nothing just now.</summary>
    protected bool IsWriteBlocked => _writeBlocked;

    /// <inheritdoc/>
    bool IFlushable.IsFlushScheduled { get; set; }

    /// <summary>Takes what somebody else has received of the peer; to be called before <see cref="RunAsync"/>.</summary>
    internal void TakeOver(ReadOnlyMemory<byte> received) => _before = received;

    /// <summary>Runs until the connection is over.</summary>
    internal async ValueTask RunAsync()
    {
        if (IsClosed) return;
        _isRunning = true;
        Http2.Start();
        if (_isDraining) Http2.ShutdownGracefully();
        NarrowWindows();
        ScheduleFlush();
        Loop.Schedule(_check, CheckInterval);
        StartReading();
        if (!IsClosed) await _closed.WaitAsync();
    }

    /// <summary>Has the output written at the end of this turn.</summary>
    internal void ScheduleFlush() => Loop.ScheduleFlush(this);

    /// <summary>Takes no new streams, lets running ones end, then closes.</summary>
    internal void Drain()
    {
        if (IsClosed) return;
        _isDraining = true;
        if (!_isRunning) return; // nothing may come before the preface and the settings
        Http2.ShutdownGracefully();
        ScheduleFlush();
    }

    /// <summary>Closes the transport in good order; streams that run are reset.</summary>
    internal void Close()
    {
        if (!TryEnd()) return;
        _transport.Close();
        _closed.Set(true);
    }

    /// <summary>Closes now; running streams are reset, and so is the transport.</summary>
    /// <param name="reason">Why, for the log.</param>
    /// <param name="failure">Why the transport is reset.</param>
    internal void Close(string reason, ProxyFailure failure)
    {
        if (IsClosed) return;
        CloseReason ??= reason;
        if (!TryEnd()) return;
        _transport.Reset(failure);
        _closed.Set(true);
    }

    /// <summary>The peer's settings have been applied.</summary>
    protected virtual void OnSettings()
    {
    }

    /// <summary>The peer takes no more streams. Whoever opens streams looks at <see cref="Http2Connection.CanOpenStream"/> before; running ones go on.</summary>
    protected virtual void OnGoAway()
    {
    }

    /// <summary>The connection has failed: streams have been told, and it is over when the peer has received why. May be called more than once.</summary>
    protected virtual void OnFailed()
    {
    }

    /// <summary>The connection is over: streams have been told, the transport has not.</summary>
    protected virtual void OnClosing()
    {
    }

    /// <summary>Called once a second while the connection is open.</summary>
    protected virtual void OnCheck()
    {
    }

    // Ends everything but the transport; false when it is over already.
    private bool TryEnd()
    {
        if (IsClosed) return false;
        IsClosed = true;
        Loop.Timers.Cancel(_check);
        Loop.Timers.Cancel(_finish);
        Account.Rising -= NarrowWindows;
        Http2.TransportClosed();
        OnClosing();
        Loop.Buffers.Close(Account);
        _transport.User = null;
        return true;
    }

    // The nearer the account is to its share, the less each stream of the peer may have under way.
    private void NarrowWindows()
    {
        int window = Math.Max(LeastWindow, _window >> (2 * Account.Pressure));
        if (window >= Http2.StreamWindow) return;
        Http2.ChangeStreamWindow(window);
        ScheduleFlush();
    }

    // All that is left is to be received, and is not.
    private bool IsStuck()
    {
        if (!_writeBlocked || !(Http2.IsClosed || Http2.IsDrained)) _overSince = long.MaxValue;
        else if (_overSince == long.MaxValue) _overSince = Loop.NowMilliseconds;
        return _overSince != long.MaxValue && Loop.NowMilliseconds - _overSince >= LastTimeout.TotalMilliseconds;
    }

    /// <summary>It is used just now, though it may have no stream: the time begins anew after which one that nobody uses ends.</summary>
    internal void Use() => _idleSince = Loop.NowMilliseconds;

    private void Check()
    {
        if (IsClosed) return;
        OnCheck();
        if (IsClosed) return;
        if (Account.Pressure == 0) Http2.ChangeStreamWindow(_window);
        Http2.CheckTimeouts();
        if (Http2.IsClosed) OnFailed();
        if (IsStuck())
        {
            Close("the peer does not receive the last that was sent", _transport.Failure);
            return;
        }

        ScheduleFlush();
        if (Http2.OpenStreams > 0) Use();
        else if (Http2.Role == Http2Role.Client && Loop.NowMilliseconds - _idleSince >= _idleTimeout.TotalMilliseconds) Drain();
        Loop.Schedule(_check, CheckInterval);
    }
}
