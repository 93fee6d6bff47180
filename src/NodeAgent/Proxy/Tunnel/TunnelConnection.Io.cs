using Culvert.Http2;
using Culvert.Interop.Sockets;
using Culvert.Interop.Tls;
using Culvert.NodeAgent.Proxy.Loop;

namespace Culvert.NodeAgent.Proxy.Tunnel;

/// <content>Bytes to and from the TLS connection.</content>
internal sealed partial class TunnelConnection
{
    // A busy tunnel gives way to other sockets after so many bytes, in either direction.
    private const int BytesPerTurn = 512 * 1024;
    private static readonly TimeSpan FinishTimeout = TimeSpan.FromSeconds(1);

    // Nor does it keep others waiting with bytes that are much work, as frames and datagrams of one byte are: 9 us each (measured), half a second for 512 KiB. A request
    // takes some six turns; with 2 ms each its p99 was 61 ms beside four peers that asked for connections all the time, with half a millisecond 17.
    private static readonly TimeSpan TurnTime = TimeSpan.FromMilliseconds(0.5);

    private TunnelPortion _portion = TunnelPortion.First;

    /// <summary>Writes what it can of the output in the middle of a turn, so that there is room for more.</summary>
    internal void FlushNow() => ((IFlushable)this).Flush();

    /// <summary>Writes the output; called by the loop at the end of a turn.</summary>
    void IFlushable.Flush()
    {
        if (IsClosed || _finishing || _writeBlocked) return;
        TlsResult result = _tls.Flush();
        for (int written = 0; result.Status == TlsStatus.Done && written < BytesPerTurn && (Http2.PendingOutput > 0 || Refill());)
        {
            int taken = Encrypt(Http2.PeekOutput().Span, out result);

            // Whatever kept the rest from being written, the records that are made go out.
            TlsResult flushed = _tls.Flush();
            if (result.Status == TlsStatus.Done) result = flushed;
            written += taken;

            // Only now may pumps refill the output: the peer works on these bytes meanwhile, and the output is empty and need not move.
            if (taken > 0) Http2.AdvanceOutput(taken);
            if (IsClosed) return;
        }

        switch (result.Status)
        {
            case TlsStatus.Done:
                break;
            case TlsStatus.WantWrite:
                WaitUntilWritable();
                return;
            case TlsStatus.WantRead:
                _writeWaitsForRead = true;
                return;
            default:
                Close(Describe(result));
                return;
        }

        if (Http2.PendingOutput > 0 || _datagramQueue is { IsEmpty: false }) Loop.ScheduleFlushNextTurn(this);
        else if (Http2.IsClosed) Finish(Http2.Result.Reason == Http2CloseReason.Local ? null : Http2.Result.Message);
        else if (Http2.IsDrained) Finish(null);
    }

    /// <summary>
    /// Ends this side's direction and closes when the peer has ended its own: closing with unread bytes would make the kernel
    /// send RST, which can overtake what was sent last.
    /// </summary>
    private void Finish(string? reason)
    {
        _finishing = true;
        CloseReason = reason;
        _tls.Shutdown();
        _ = _socket.Handle.Shutdown(ShutdownDirection.Write);
        Loop.Timers.Cancel(_check);
        Loop.Schedule(_finish, FinishTimeout);
    }

    private int Encrypt(ReadOnlySpan<byte> output, out TlsResult result)
    {
        int taken = 0;
        do
        {
            result = _tls.Write(output[taken..]);
            taken += result.Count;
        }
        while (result.Status == TlsStatus.Done && taken < output.Length);
        return taken;
    }

    private void WaitUntilWritable()
    {
        _socket.WriteBlocked();
        if (_writeBlocked) return;
        _writeBlocked = true;
        OnBlocked();
        _ = FlushWhenWritableAsync();
    }

    private async Task FlushWhenWritableAsync()
    {
        await _socket.WritableAsync();
        _writeBlocked = false;
        OnUnblocked();
        _readWaitsForWrite.Set(true);
        if (!IsClosed) ScheduleFlush();
    }

    private async Task ReadLoopAsync()
    {
        LoopSignal turn = new();
        try
        {
            while (!IsClosed)
            {
                switch (ReadTurn())
                {
                    case TlsStatus.WantRead:
                        await _socket.ReadableAsync();
                        break;
                    case TlsStatus.WantWrite:
                        // A key update to answer: rare, and the socket's one waiter for writing may be the flush.
                        WaitUntilWritable();
                        await _readWaitsForWrite.WaitAsync();
                        break;
                    case TlsStatus.Done:
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
            Close("an exception in the proxy");
        }
    }

    /// <summary>Reads until nothing is left (WantRead) or this turn's share is used up (Done).</summary>
    private TlsStatus ReadTurn()
    {
        Span<byte> buffer = Loop.Scratch;
        int total = 0, filled = 0;
        bool isLong = false;
        long began = _time.GetTimestamp();
        while (true)
        {
            TlsResult result = _tls.Read(buffer[filled.._portion.Of(buffer.Length)]);
            if (result.Status == TlsStatus.Done)
            {
                filled += result.Count;
                total += result.Count;

                // What has come goes on its way before the socket is asked again, which most often only says that it is empty. A record of one byte is as much work as a hundred.
                isLong = _time.GetElapsedTime(began) > TurnTime;
                if (!isLong && !_portion.IsFull(filled, buffer.Length) && _tls.HasPending) continue;
            }

            if (filled > 0)
            {
                long before = _time.GetTimestamp();
                Receive(buffer[..filled]);
                if (IsClosed) return TlsStatus.Closed;
                long now = _time.GetTimestamp();
                isLong = _time.GetElapsedTime(began, now) > TurnTime;
                _portion = _portion.After(filled, _time.GetElapsedTime(before, now));
                filled = 0;
            }

            if (result.Status == TlsStatus.Done)
            {
                if (total < BytesPerTurn && !isLong) continue;
                return TlsStatus.Done;
            }

            if (result.Status == TlsStatus.WantRead) _socket.ReadBlocked();
            else if (result.Status != TlsStatus.WantWrite) Close(result.Status == TlsStatus.Closed ? null : Describe(result));
            return result.Status;
        }
    }

    private void Receive(ReadOnlySpan<byte> bytes)
    {
        if (_finishing) return;
        Http2.Receive(bytes);
        if (_writeWaitsForRead)
        {
            _writeWaitsForRead = false;
            ScheduleFlush();
        }
        else if (Http2.PendingOutput > 0 || Http2.IsClosed || Http2.IsDrained)
        {
            ScheduleFlush();
        }
    }

    private string Describe(TlsResult result) =>
        result.Status == TlsStatus.SocketError ? $"socket error {result.Error}" : _tls.FailureReason ?? result.Status.ToString();
}
