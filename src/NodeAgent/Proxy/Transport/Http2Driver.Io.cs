using Culvert.Http2;
using Culvert.NodeAgent.Proxy.Loop;
using Culvert.NodeAgent.Proxy.Model;

namespace Culvert.NodeAgent.Proxy.Transport;

/// <content>Bytes to and from the transport.</content>
internal partial class Http2Driver : ITransportUser
{
    // A busy connection gives way to other sockets after so many bytes, in either direction.
    private const int BytesPerTurn = 512 * 1024;
    private const string TransportGone = "the transport was closed";
    private static readonly TimeSpan FinishTimeout = TimeSpan.FromSeconds(1);

    private TurnPortion _portion = TurnPortion.First;
    private bool _hasWritten; // in the middle of a turn

    /// <summary>Writes what it can of the output in the middle of a turn, so that there is room for more.</summary>
    internal void FlushNow() => ((IFlushable)this).Flush();

    /// <summary>Writes what the transport takes of the output in the middle of a turn, of this connection or another, and calls nobody: streams that wait for room, and the transport's end, have their turn when the rest is written.</summary>
    protected void WriteNow()
    {
        if (IsFinishing || _writeBlocked || !_isRunning || _transport.Flush().Status != TransportStatus.Done) return;
        int written = _transport.Send(Http2.PeekOutput().Span).Count;
        if (written == 0) return;
        Http2.AdvanceOutputInTurn(written);
        _hasWritten = true;
        ScheduleFlush();
    }

    /// <summary>Writes the output; called by the loop at the end of a turn.</summary>
    void IFlushable.Flush()
    {
        if (IsFinishing || _writeBlocked) return;
        if (_hasWritten) Http2.AdvanceOutput(0);
        _hasWritten = false;
        if (IsClosed) return;
        TransportResult result = _transport.Flush();
        for (int written = 0; result.Status == TransportStatus.Done && written < BytesPerTurn && (Http2.PendingOutput > 0 || Refill());)
        {
            result = _transport.Send(Http2.PeekOutput().Span);
            written += result.Count;

            // Only now may relays refill the output: the peer works on these bytes meanwhile, and the output is empty and need not move.
            if (result.Count > 0) Http2.AdvanceOutput(result.Count);
            if (IsClosed) return;
        }

        switch (result.Status)
        {
            case TransportStatus.Done:
                break;
            case TransportStatus.Blocked:
                WaitUntilWritable();
                return;
            default:
                Close(_transport.Detail ?? "the peer has closed the connection", _transport.Failure);
                return;
        }

        OnWritten();
        if (IsClosed) return;
        if (Http2.PendingOutput > 0 || HasMore) Loop.ScheduleFlushNextTurn(this);
        else if (Http2.IsClosed) Finish(Http2.Result.Reason == Http2CloseReason.Local ? null : Http2.Result.Message);
        else if (Http2.IsDrained) Finish(null);
    }

    /// <inheritdoc/>
    int ITransportUser.OnReceived(ITransport transport, ReadOnlySpan<byte> data)
    {
        Receive(data);
        return data.Length;
    }

    /// <inheritdoc/>
    void ITransportUser.OnReceivable(ITransport transport) => ReceiveHeld();

    /// <inheritdoc/>
    void ITransportUser.OnBroken(ITransport transport)
    {
        // Whoever reads or writes sees it; a transport that hands over has nobody who does.
        if (transport.HandsOver) Close(transport.Detail ?? $"the connection below is gone: {transport.Failure}", transport.Failure);
    }

    /// <summary>Whether there is more to write than the output says.</summary>
    protected virtual bool HasMore => false;

    /// <summary>The output is empty: puts into it what waits elsewhere. False when nothing does.</summary>
    protected virtual bool Refill() => false;

    /// <summary>Output has been written, if not all of it: there may be room again.</summary>
    protected virtual void OnWritten()
    {
    }

    /// <summary>The transport takes nothing any more.</summary>
    protected virtual void OnBlocked()
    {
    }

    /// <summary>The transport takes something again.</summary>
    protected virtual void OnUnblocked()
    {
    }

    /// <summary>
    /// Ends this side's direction and closes when the peer has ended its own: closing with unread bytes would make the kernel
    /// send RST, which can overtake what was sent last.
    /// </summary>
    private void Finish(string? reason)
    {
        _finishing = true;
        CloseReason = reason;
        _transport.Finish();
        Loop.Timers.Cancel(_check);
        Loop.Schedule(_finish, FinishTimeout);
    }

    private void WaitUntilWritable()
    {
        _writeBlocked = true;
        OnBlocked();
        _ = FlushWhenWritableAsync();
    }

    private async Task FlushWhenWritableAsync()
    {
        bool isOpen = await _transport.WritableAsync();
        _writeBlocked = false;
        OnUnblocked();
        if (IsClosed) return;
        if (isOpen) ScheduleFlush();
        else Close(TransportGone, _transport.Failure);
    }

    private void StartReading()
    {
        _transport.User = this;
        if (!_transport.HandsOver)
        {
            _ = ReadLoopAsync();
            return;
        }

        ReceiveBefore();
        ReceiveHeld();
    }

    private void ReceiveBefore()
    {
        if (!_before.IsEmpty) Receive(_before.Span);
        _before = default;
    }

    // What came before there was somebody to take it, and the end.
    private void ReceiveHeld()
    {
        while (!IsClosed && _transport.Held is { IsEmpty: false } held)
        {
            int count = held.Length;
            Receive(held);
            if (!IsClosed) _transport.Take(count);
        }

        if (!IsClosed && _transport.CanReceive) Close();
    }

    private async Task ReadLoopAsync()
    {
        LoopSignal turn = new();
        try
        {
            // Who starts it may be in the middle of what another connection has read into the same buffer, as the answer to a tunnel's request is.
            await Loop.YieldAsync(turn);
            ReceiveBefore();
            while (!IsClosed)
            {
                switch (ReadTurn())
                {
                    case TransportStatus.Blocked:
                        if (!await _transport.ReadableAsync()) Close(TransportGone, _transport.Failure);
                        break;
                    case TransportStatus.Done:
                        await Loop.YieldAsync(turn);
                        break;
                    default:
                        return;
                }
            }
        }
        catch (Exception exception)
        {
            Loop.ReportFault(exception);
            Close("an exception in the proxy", ProxyFailure.ProxyFault);
        }
    }

    /// <summary>Reads until nothing is left (Blocked) or this turn's share is used up (Done).</summary>
    private TransportStatus ReadTurn()
    {
        Span<byte> buffer = Loop.Scratch;
        int total = 0, filled = 0;
        bool isLong = false;
        long began = _time.GetTimestamp();
        while (true)
        {
            TransportResult result = _transport.Receive(buffer[filled.._portion.Of(buffer.Length)]);
            if (result.Status == TransportStatus.Done)
            {
                filled += result.Count;
                total += result.Count;

                // Forward the bytes before asking the socket again. A record of one byte costs as much as one of a hundred.
                isLong = _time.GetElapsedTime(began) > TurnPortion.TurnTime;
                if (!isLong && !_portion.IsFull(filled, buffer.Length) && _transport.HasPending) continue;
            }

            if (filled > 0)
            {
                long before = _time.GetTimestamp();
                Receive(buffer[..filled]);
                if (IsClosed) return TransportStatus.Ended;
                long now = _time.GetTimestamp();
                isLong = _time.GetElapsedTime(began, now) > TurnPortion.TurnTime;
                _portion = _portion.After(filled, _time.GetElapsedTime(before, now));
                filled = 0;
            }

            if (result.Status == TransportStatus.Done)
            {
                if (total < BytesPerTurn && !isLong) continue;
                return TransportStatus.Done;
            }

            if (result.Status == TransportStatus.Ended) Close();
            else if (result.Status == TransportStatus.Failed) Close(_transport.Detail ?? TransportGone, _transport.Failure);
            return result.Status;
        }
    }

    private void Receive(ReadOnlySpan<byte> bytes)
    {
        if (_finishing || Http2.IsClosed) return;
        Http2.Receive(bytes);
        if (Http2.IsClosed) OnFailed();
        if (Http2.PendingOutput > 0 || Http2.IsClosed || Http2.IsDrained) ScheduleFlush();
    }
}
