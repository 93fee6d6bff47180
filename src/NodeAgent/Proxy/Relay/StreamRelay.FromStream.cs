using Culvert.Http2;
using Culvert.Interop.Sockets;
using Culvert.NodeAgent.Proxy.Loop;

namespace Culvert.NodeAgent.Proxy.Relay;

/// <content>Bytes from the stream to the application's socket, and those that come before there is a socket.</content>
internal sealed partial class StreamRelay
{
    private readonly WriteBuffer _writeBuffer;
    private long _fromStream;
    private bool _streamEnded;
    private bool _draining;
    private bool _shutDown;

    /// <summary>Set when bytes have come, or the stream has ended, while there is no socket yet; false when it is over.</summary>
    internal LoopSignal PreConnectArrival { get; } = new();

    /// <summary>The first bytes that came while there is no socket yet.</summary>
    internal ReadOnlySpan<byte> PreConnectBuffer => _writeBuffer.Peek();

    /// <summary>Whether the peer will send no more.</summary>
    internal bool HasStreamEnded => _streamEnded;

    /// <summary>Takes bytes of <see cref="PreConnectBuffer"/>: they do not go to the socket.</summary>
    internal void TakePreConnect(int count)
    {
        _writeBuffer.Advance(count);
        Consumed(count);
    }

    /// <inheritdoc/>
    public void OnData(ReadOnlySpan<byte> data, bool endStream)
    {
        _streamEnded |= endStream;
        if (_ended) return;
        _fromStream += data.Length;
        if (_socket is not null && _writeBuffer.IsEmpty && !data.IsEmpty)
        {
            IoResult sent = _socket.Send(data);
            if (sent.Succeeded)
            {
                data = data[sent.Count..];
                Consumed(sent.Count);
            }
            else if (!sent.WouldBlock)
            {
                Abort(ProxyFailure.ApplicationReset);
                return;
            }
        }

        if (!data.IsEmpty && !_writeBuffer.Append(data))
        {
            Abort(ProxyFailure.Overload, Http2ErrorCode.EnhanceYourCalm);
            return;
        }

        if (_socket is null) PreConnectArrival.Set(true);
        else if (!_draining) DrainOrShutDown(_socket);
    }

    private void StartWriting(LoopSocket socket)
    {
        SendBuffered(socket);
        if (!_ended) DrainOrShutDown(socket);
    }

    private void DrainOrShutDown(LoopSocket socket)
    {
        if (!_writeBuffer.IsEmpty) _ = DrainAsync(socket);
        else if (_streamEnded) ShutDown(socket);
    }

    private async Task DrainAsync(LoopSocket socket)
    {
        _draining = true;
        try
        {
            while (!_ended && !_writeBuffer.IsEmpty)
            {
                if (!await socket.WritableAsync()) return;
                if (!_ended) SendBuffered(socket);
            }

            _draining = false;
            if (!_ended && _streamEnded) ShutDown(socket);
        }
        catch (Exception exception)
        {
            _loop.ReportFault(exception);
            Abort(ProxyFailure.ProxyFault, Http2ErrorCode.InternalError);
        }
    }

    private void SendBuffered(LoopSocket socket)
    {
        while (!_writeBuffer.IsEmpty)
        {
            IoResult sent = socket.Send(_writeBuffer.Peek());
            if (sent.WouldBlock) return;
            if (!sent.Succeeded)
            {
                Abort(ProxyFailure.ApplicationReset);
                return;
            }

            _writeBuffer.Advance(sent.Count);
            Consumed(sent.Count);
        }
    }

    private void Consumed(int count)
    {
        if (_stream is null) return;
        _tunnel.Http2.Consumed(_stream, count);
        if (_tunnel.Http2.PendingOutput > 0) _tunnel.ScheduleFlush();
    }

    private void ShutDown(LoopSocket socket)
    {
        _ = socket.Handle.Shutdown(ShutdownDirection.Write);
        _shutDown = true;
        FinishIfBothEnded();
    }
}
