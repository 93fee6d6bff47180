using Culvert.Core;
using Culvert.Interop.Sockets;
using Culvert.NodeAgent.Proxy.Loop;
using Culvert.NodeAgent.Proxy.Model;

namespace Culvert.NodeAgent.Proxy.Udp;

/// <summary>
/// A socket of one loop that captured datagrams come to: behind a PROXY header that the kernel program has put in, or, on a plain socket, as they were.
/// Belongs to the loop's thread.
/// </summary>
internal sealed class UdpListener : EventSource, IDisposable
{
    // While the socket is full: enough to catch up, few enough for others to get their turn.
    private const int MaxRounds = 4;

    // A round may be thousands of datagrams of one byte, which come in GSO batches.
    private static readonly TimeSpan LongestTurn = TimeSpan.FromMilliseconds(1);

    private readonly EventLoop _loop;
    private readonly DatagramReceiver _receiver;
    private readonly TimeProvider _time;
    private readonly CapturedDatagrams _captured;
    private readonly SocketHandle _handle;
    private readonly SocketEndPoint _local;
    private readonly bool _headers;
    private readonly PodSpace? _space;

    /// <summary>Takes datagrams from a bound socket.</summary>
    /// <param name="loop">The loop.</param>
    /// <param name="receiver">The loop's room for one receive call.</param>
    /// <param name="time">The clock.</param>
    /// <param name="captured">Takes them.</param>
    /// <param name="handle">The socket; owned by the server.</param>
    /// <param name="local">Where it is bound.</param>
    /// <param name="headers">Whether datagrams come behind a header.</param>
    /// <param name="space">Where the socket is; null: in the node's own namespace.</param>
    internal UdpListener(EventLoop loop, DatagramReceiver receiver, TimeProvider time, CapturedDatagrams captured, SocketHandle handle, in SocketEndPoint local, bool headers, PodSpace? space) =>
        (_loop, _receiver, _time, _captured, _handle, _local, _headers, _space) = (loop, receiver, time, captured, handle, local, headers, space);

    /// <summary>Where the socket is; null: in the node's own namespace.</summary>
    internal PodSpace? Space => _space;

    /// <summary>Starts; on the loop.</summary>
    internal SocketErrno Watch() => _loop.Register(this, _handle, EpollEvents.Readable);

    /// <inheritdoc/>
    internal override void OnReady(EpollEvents events)
    {
        long began = _time.GetTimestamp();
        for (int round = 0; round < MaxRounds; round++)
        {
            if (_receiver.Receive(_handle) != SocketErrno.None) return;
            for (int i = 0; i < _receiver.Count; i++)
            {
                if (!_receiver.TryGetDestination(i, out SocketEndPoint destination) || !_captured.IsPossible(destination, _local)) _captured.Refuse(ProxyProtocolError.Untrusted);
                else if (_headers) _captured.TakeHeadered(_receiver.Payload(i), _receiver.Source(i), destination);
                else _captured.TakePlain(_receiver.Datagrams(i), _receiver.Source(i), destination, _space);
            }

            _captured.Flush();
            if (_receiver.Count < DatagramReceiver.Capacity || _time.GetElapsedTime(began) > LongestTurn) return;
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _loop.Unregister(this, _handle);
}
