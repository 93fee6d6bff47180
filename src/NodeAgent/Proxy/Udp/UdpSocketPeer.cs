using Culvert.Interop.Sockets;
using Culvert.NodeAgent.Proxy.Limits;
using Culvert.NodeAgent.Proxy.Loop;
using Culvert.NodeAgent.Proxy.Model;
using Culvert.NodeAgent.Proxy.Transport;

namespace Culvert.NodeAgent.Proxy.Udp;

/// <summary>
/// A pod, or another plain UDP end point, as a session speaks to it: a connected socket that may be bound to an address of
/// somebody else, so that the application sees the real client; or no socket of its own where another program has the port. Then what comes back is delivered by whoever takes captured datagrams.
/// Belongs to its loop's thread.
/// </summary>
internal sealed class UdpSocketPeer : EventSource, IDatagramPeer, IReplyHolder
{
    /// <summary>Datagrams that wait for <see cref="UdpIo"/>.</summary>
    internal DatagramQueue Queue;

    /// <summary>Largest datagram that goes in GSO batches.</summary>
    internal int MaxSegment = ushort.MaxValue;

    private readonly UdpIo _io;
    private readonly UnboundDatagramSender? _unbound;
    private readonly SocketEndPoint? _service;
    private readonly IDatagramSink _sink;
    private bool _disposed;

    /// <summary>A socket that the loop watches already, or is about to.</summary>
    /// <param name="loop">The loop.</param>
    /// <param name="io">What the loop's sockets share.</param>
    /// <param name="handle">The socket; owned from here on.</param>
    /// <param name="space">Where it is; null: in the node's own namespace.</param>
    /// <param name="local">Where it speaks from.</param>
    /// <param name="remote">Where to.</param>
    /// <param name="sink">Hears what comes to it.</param>
    internal UdpSocketPeer(EventLoop loop, UdpIo io, SocketHandle handle, PodSpace? space, in SocketEndPoint local, in SocketEndPoint remote, IDatagramSink sink) =>
        (Loop, _io, Handle, Space, Local, Remote, _sink) = (loop, io, handle, space, local, remote, sink);

    /// <summary>Without a socket of its own.</summary>
    /// <param name="loop">The loop.</param>
    /// <param name="io">What the loop's sockets share.</param>
    /// <param name="unbound">Sends; not owned.</param>
    /// <param name="service">The Service that it speaks for; null: none.</param>
    /// <param name="space">Where it sends; null: in the node's own namespace.</param>
    /// <param name="local">Where it speaks from.</param>
    /// <param name="remote">Where to.</param>
    /// <param name="sink">Hears what comes back.</param>
    internal UdpSocketPeer(EventLoop loop, UdpIo io, UnboundDatagramSender unbound, in SocketEndPoint? service, PodSpace? space, in SocketEndPoint local, in SocketEndPoint remote, IDatagramSink sink) =>
        (Loop, _io, _unbound, _service, Space, Local, Remote, _sink) = (loop, io, unbound, service, space, local, remote, sink);

    /// <summary>The socket; null where it has none of its own.</summary>
    internal SocketHandle? Handle { get; }

    /// <summary>Where it speaks from.</summary>
    public SocketEndPoint Local { get; }

    /// <summary>Where to.</summary>
    public SocketEndPoint Remote { get; }

    /// <inheritdoc/>
    public PodSpace? Space { get; }

    /// <summary>
    /// Called once, before the socket is closed, with the place that is to be kept for late answers, or null when none are to be expected; null when nobody has to know.
    /// </summary>
    internal Action<UdpSocketPeer, BudgetLease?>? Closing { get; set; }

    /// <summary>The loop it belongs to.</summary>
    internal EventLoop Loop { get; }

    /// <inheritdoc/>
    public bool Send(ReadOnlySpan<byte> payload)
    {
        if (_disposed) return false;
        if (_unbound is null) _io.Add(this, payload);
        else _io.CountUnbound(_unbound.Send(Local, Remote, _service, payload));
        return true;
    }

    /// <inheritdoc/>
    public void Flush() => _io.Flush(this);

    /// <summary>A datagram that came from another port of the destination, or, where it has no socket of its own, from any.</summary>
    internal void Deliver(ReadOnlySpan<byte> payload, ushort sourcePort)
    {
        _sink.OnDatagram(payload, sourcePort == Remote.Port ? (ushort)0 : sourcePort);
        if (!_disposed) _sink.OnIdle();
    }

    /// <summary>The destination's ICMP has said that nobody listens there.</summary>
    internal void OnRefused()
    {
        _io.Counters.CountRefusedByPeer();
        if (!_disposed) _sink.OnUnreachable();
    }

    /// <inheritdoc/>
    internal override void OnReady(EpollEvents events)
    {
        DatagramReceiver receiver = _io.Receiver;
        SocketErrno error = receiver.Receive(Handle!);
        if (error == SocketErrno.ConnectionRefused) OnRefused();
        if (error != SocketErrno.None) return;

        // One call a turn: others get theirs, and what is left is reported again.
        for (int i = 0; i < receiver.Count; i++)
        {
            foreach (ReadOnlySpan<byte> payload in receiver.Datagrams(i))
            {
                if (_disposed) return;
                _sink.OnDatagram(payload, 0);
            }
        }

        if (!_disposed) _sink.OnIdle();
    }

    /// <inheritdoc/>
    public void Dispose() => Close(null);

    /// <inheritdoc/>
    public void EndByPolicy(BudgetLease place)
    {
        if (_disposed || Closing is null) place.Dispose();
        Close(place);
    }

    private void Close(BudgetLease? kept)
    {
        if (_disposed) return;
        _disposed = true;
        Closing?.Invoke(this, kept);
        _io.Discard(this);
        if (Handle is null) return;
        Loop.Unregister(this);
        Handle.Dispose();
    }
}
