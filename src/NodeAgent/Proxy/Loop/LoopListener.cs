using Culvert.Interop.Sockets;

namespace Culvert.NodeAgent.Proxy.Loop;

/// <summary>Accepts connections on one loop and hands them to a callback. Belongs to its loop's thread.</summary>
internal sealed class LoopListener : EventSource, IDisposable
{
    // Level-triggered with a bounded batch: a storm of connections can't starve the connections that exist.
    private const int AcceptBatch = 64;
    private static readonly TimeSpan DescriptorPause = TimeSpan.FromMilliseconds(50);

    private readonly EventLoop _loop;
    private readonly SocketHandle _handle;
    private readonly Action<SocketHandle, SocketEndPoint> _accepted;
    private readonly Action<SocketErrno> _failed;
    private readonly LoopTimer _resume;
    private bool _closed;

    /// <summary>Makes a listener over a socket that listens already.</summary>
    /// <param name="loop">The loop.</param>
    /// <param name="handle">The listening socket; disposed with this object.</param>
    /// <param name="accepted">Takes each connection and its peer's address.</param>
    /// <param name="failed">Hears of failures such as a lack of descriptors.</param>
    internal LoopListener(EventLoop loop, SocketHandle handle, Action<SocketHandle, SocketEndPoint> accepted, Action<SocketErrno> failed)
    {
        _loop = loop;
        _handle = handle;
        _accepted = accepted;
        _failed = failed;
        _resume = new LoopTimer(static state => ((LoopListener)state!).Watch(), this);
    }

    /// <summary>Starts accepting; on the loop.</summary>
    internal void Watch()
    {
        if (_closed || Slot >= 0) return;
        SocketErrno error = _loop.Register(this, _handle, EpollEvents.Readable);
        if (error != SocketErrno.None) _failed(error);
    }

    /// <summary>Stops accepting but keeps the socket: connections wait in the kernel.</summary>
    internal void Pause() => _loop.Unregister(this, _handle);

    /// <inheritdoc/>
    internal override void OnReady(EpollEvents events)
    {
        for (int i = 0; i < AcceptBatch && !_closed; i++)
        {
            SocketHandle? socket = _handle.Accept(out SocketEndPoint peer, out SocketErrno error);
            if (socket is not null)
            {
                _accepted(socket, peer);
                continue;
            }

            if (error == SocketErrno.WouldBlock) return;
            if (error is SocketErrno.Interrupted or SocketErrno.ConnectionAborted) continue;
            _failed(error);
            if (error is SocketErrno.ProcessDescriptorLimit or SocketErrno.SystemDescriptorLimit or SocketErrno.NoBuffers or SocketErrno.NoMemory)
            {
                // The connection stays in the queue and would be reported at once again: give others time to close theirs.
                Pause();
                _loop.Schedule(_resume, DescriptorPause);
            }

            return;
        }
    }

    /// <summary>Stops listening: connections not yet accepted are reset by the kernel.</summary>
    public void Dispose()
    {
        if (_closed) return;
        _closed = true;
        _loop.Timers.Cancel(_resume);
        _loop.Unregister(this);
        _handle.Dispose();
    }
}
