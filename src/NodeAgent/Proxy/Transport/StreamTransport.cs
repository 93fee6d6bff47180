using Culvert.Http2;
using Culvert.NodeAgent.Proxy.Loop;
using Culvert.NodeAgent.Proxy.Model;

namespace Culvert.NodeAgent.Proxy.Transport;

/// <summary>
/// One CONNECT stream of an HTTP/2 connection as a transport. What is sent is received straight into a DATA frame in the connection's output; what comes is handed over
/// where it lies, and only what the user does not take is copied. The stream's window is given back when the user has taken the bytes, so a slow reader slows the writer.
/// END_STREAM is FIN, RST_STREAM is RST. Belongs to its loop's thread.
/// </summary>
internal sealed partial class StreamTransport : IPeekableTransport, IOpeningStream, IBufferHolder
{
    private readonly Http2Driver _driver;
    private readonly LoopSignal _readable = new();
    private readonly LoopSignal _writable = new();
    private Http2Stream? _stream;
    private HeldBytes? _held;
    private bool _remoteEnded;
    private bool _awaitsMore;
    private bool _blocked;

    /// <summary>Makes a transport of a stream that is open; data may arrive from now on.</summary>
    /// <param name="driver">The stream's connection.</param>
    /// <param name="stream">The stream; its state becomes this object.</param>
    internal StreamTransport(Http2Driver driver, Http2Stream stream)
    {
        _driver = driver;
        _stream = stream;
        stream.State = this;
    }

    /// <inheritdoc/>
    public EventLoop Loop => _driver.Loop;

    /// <inheritdoc/>
    public ITransportUser? User { get; set; }

    /// <inheritdoc/>
    public bool IsClosed { get; private set; }

    /// <inheritdoc/>
    public ProxyFailure Failure { get; private set; } = ProxyFailure.StreamReset;

    /// <inheritdoc/>
    public string? Detail => _driver.CloseReason;

    /// <inheritdoc/>
    public LoopSignal Response { get; } = new();

    /// <inheritdoc/>
    public int ResponseStatus { get; private set; }

    /// <inheritdoc/>
    bool IOpeningStream.IsEnded => IsClosed;

    /// <inheritdoc/>
    public bool IsRetryable { get; private set; }

    /// <inheritdoc/>
    bool ITransport.HandsOver => true;

    /// <inheritdoc/>
    public bool CanReceive => !IsClosed && (_remoteEnded || (!_awaitsMore && !Held.IsEmpty));

    /// <inheritdoc/>
    bool ITransport.HasPending => !Held.IsEmpty;

    /// <inheritdoc/>
    public ReadOnlySpan<byte> Held => _held is null ? default : _held.Peek();

    /// <inheritdoc/>
    public void Take(int count)
    {
        _held!.Advance(count);
        Consumed(count);
    }

    /// <inheritdoc/>
    public TransportResult Receive(Span<byte> room)
    {
        TransportResult peeked = Peek(room);
        if (peeked.Count > 0) Take(peeked.Count);
        return peeked;
    }

    /// <inheritdoc/>
    public TransportResult Peek(Span<byte> room)
    {
        ReadOnlySpan<byte> held = Held;
        if (held.IsEmpty) return new TransportResult(IsClosed ? TransportStatus.Failed : _remoteEnded ? TransportStatus.Ended : TransportStatus.Blocked);
        int count = Math.Min(held.Length, room.Length);
        held[..count].CopyTo(room);
        return new TransportResult(TransportStatus.Done, count);
    }

    /// <inheritdoc/>
    public void AwaitMore() => _awaitsMore = true;

    /// <inheritdoc/>
    public ValueTask<bool> ReadableAsync() =>
        IsClosed ? new ValueTask<bool>(false) : CanReceive ? new ValueTask<bool>(true) : _readable.WaitAsync();

    /// <inheritdoc/>
    public void StopWaiting() => _readable.Set(false);

    /// <inheritdoc/>
    public Span<byte> Reserve(int most)
    {
        if (_stream is null) return default;
        Span<byte> room = _driver.Http2.ReserveData(_stream, most);
        if (!room.IsEmpty) return room;
        _blocked = true;
        _driver.ScheduleFlush();
        return default;
    }

    /// <inheritdoc/>
    public TransportResult Commit(int count)
    {
        if (_stream is null) return new TransportResult(TransportStatus.Failed);
        _driver.Http2.CommitData(_stream, count, endStream: false);
        if (count > 0) _driver.ScheduleFlush();
        return new TransportResult(TransportStatus.Done, count);
    }

    /// <inheritdoc/>
    public TransportResult Send(ReadOnlySpan<byte> data)
    {
        if (_stream is null) return new TransportResult(TransportStatus.Failed);
        if (data.IsEmpty) return default;
        _driver.Http2.SendData(_stream, data, endStream: false, out int sent);
        _driver.ScheduleFlush();
        _blocked = sent < data.Length;
        return new TransportResult(_blocked ? TransportStatus.Blocked : TransportStatus.Done, sent);
    }

    /// <inheritdoc/>
    public TransportResult Flush() => default;

    /// <inheritdoc/>
    public ValueTask<bool> WritableAsync() =>
        IsClosed || _stream is null ? new ValueTask<bool>(false) : _blocked ? _writable.WaitAsync() : new ValueTask<bool>(true);

    /// <inheritdoc/>
    public void Finish()
    {
        if (_stream is null) return;
        _driver.Http2.CommitData(_stream, 0, endStream: true);
        _driver.ScheduleFlush();
    }

    /// <inheritdoc/>
    public void Close()
    {
        if (IsClosed) return;
        Finish();
        bool isUnread = !Held.IsEmpty;
        End();
        if (isUnread) Refuse();
    }

    /// <inheritdoc/>
    public void Reset(ProxyFailure reason) => Abort(
        reason,
        reason switch
        {
            ProxyFailure.Overload => Http2ErrorCode.EnhanceYourCalm,
            ProxyFailure.ProxyFault => Http2ErrorCode.InternalError,
            ProxyFailure.ApplicationReset when _driver.Http2.Role == Http2Role.Client => Http2ErrorCode.Cancel,
            _ => Http2ErrorCode.ConnectError,
        });

    /// <inheritdoc/>
    public void Abort(ProxyFailure failure, Http2ErrorCode code)
    {
        if (IsClosed) return;
        Failure = failure;
        if (_stream is not null)
        {
            _driver.Http2.Reset(_stream, code);
            _driver.ScheduleFlush();
        }

        End();
        User?.OnBroken(this);
    }

    /// <inheritdoc/>
    public void Dispose() => Reset(ProxyFailure.Draining);

    // As of a socket that is closed: what nobody will take is answered with a reset, which also gives its window back.
    private void Refuse()
    {
        if (_stream is null) return;
        _driver.Http2.Reset(_stream, _driver.Http2.Role == Http2Role.Client ? Http2ErrorCode.Cancel : Http2ErrorCode.NoError);
        _driver.ScheduleFlush();
    }

    private void Consumed(int count)
    {
        if (_stream is null) return;
        _driver.Http2.Consumed(_stream, count);
        if (_driver.Http2.PendingOutput > 0) _driver.ScheduleFlush();
    }

    private void End()
    {
        IsClosed = true;
        _held?.Clear();
        _readable.Set(false);
        _writable.Set(false);
        Response.Set(false);
    }
}
