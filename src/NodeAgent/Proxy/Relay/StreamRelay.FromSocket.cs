using Culvert.Http2;
using Culvert.Interop.Sockets;
using Culvert.NodeAgent.Proxy.Loop;

namespace Culvert.NodeAgent.Proxy.Relay;

/// <content>Bytes from the application's socket into the stream.</content>
internal sealed partial class StreamRelay
{
    private const int ReadSize = 64 * 1024;

    // One busy connection gives way to others after so many reads.
    private const int ReadsPerTurn = 8;

    private readonly LoopSignal _window = new();
    private long _fromSocket;
    private bool _socketEnded;

    private enum ReadOutcome
    {
        More,
        WouldBlock,
        NoWindow,
        End,
        Stopped,
    }

    /// <inheritdoc/>
    public void OnWindowAvailable() => _window.Set(true);

    private async Task PumpSocketAsync(LoopSocket socket)
    {
        try
        {
            LoopSignal? turn = null;
            int reads = 0;
            while (!_ended)
            {
                switch (ReadIntoStream(socket))
                {
                    case ReadOutcome.More when ++reads % ReadsPerTurn == 0:
                        await _loop.YieldAsync(turn ??= new LoopSignal());
                        break;
                    case ReadOutcome.WouldBlock:
                        await socket.ReadableAsync();
                        break;
                    case ReadOutcome.NoWindow:
                        await _window.WaitAsync();
                        break;
                    case ReadOutcome.End:
                        FinishIfBothEnded();
                        return;
                    case ReadOutcome.Stopped:
                        return;
                }
            }
        }
        catch (Exception exception)
        {
            _loop.ReportFault(exception);
            Abort(ProxyFailure.ProxyFault, Http2ErrorCode.InternalError);
        }
    }

    private ReadOutcome ReadIntoStream(LoopSocket socket)
    {
        if (!socket.CanRead) return ReadOutcome.WouldBlock;
        if (_stream is null) return ReadOutcome.Stopped;
        Http2Connection http2 = _tunnel.Http2;
        Span<byte> room = http2.ReserveData(_stream, ReadSize);
        if (room.IsEmpty)
        {
            _tunnel.ScheduleFlush();
            return ReadOutcome.NoWindow;
        }

        IoResult received = socket.Receive(room);
        if (received.Count > 0)
        {
            _fromSocket += received.Count;
            http2.CommitData(_stream, received.Count, endStream: false);
            _tunnel.ScheduleFlush();
            return socket.CanRead ? ReadOutcome.More : ReadOutcome.WouldBlock;
        }

        _socketEnded = received.Count == 0;
        http2.CommitData(_stream, 0, endStream: _socketEnded);
        if (received.WouldBlock) return ReadOutcome.WouldBlock;
        _tunnel.ScheduleFlush();
        if (_socketEnded) return ReadOutcome.End;
        Abort(ProxyFailure.ApplicationReset);
        return ReadOutcome.Stopped;
    }
}
