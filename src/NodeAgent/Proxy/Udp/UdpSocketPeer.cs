using Culvert.Interop.Sockets;
using Culvert.NodeAgent.Proxy.Loop;

namespace Culvert.NodeAgent.Proxy.Udp;

/// <summary>
/// A pod, or another plain UDP end point, as a session speaks to it: a connected socket that may be bound to an address of
/// somebody else, so that the application sees the real client. Belongs to its loop's thread.
/// </summary>
internal sealed class UdpSocketPeer : EventSource, IDatagramPeer
{
    /// <summary>Datagrams that wait for <see cref="UdpIo"/>.</summary>
    internal DatagramQueue Queue;

    /// <summary>Largest datagram that goes in GSO batches.</summary>
    internal int MaxSegment = ushort.MaxValue;

    private readonly ProxyContext _context;
    private readonly IDatagramSink _sink;
    private readonly SocketEndPoint _local;
    private readonly SocketEndPoint _remote;
    private bool _awaitsReplies;
    private bool _disposed;

    private UdpSocketPeer(ProxyContext context, SocketHandle handle, in SocketEndPoint local, in SocketEndPoint remote, IDatagramSink sink) =>
        (_context, Handle, _sink, _local, _remote) = (context, handle, sink, local, remote);

    /// <summary>The socket.</summary>
    internal SocketHandle Handle { get; }

    /// <summary>Opens the way to a destination, on behalf of a client; what it answers, from any of its ports, goes to the sink.</summary>
    /// <param name="context">What the loop shares.</param>
    /// <param name="client">
    /// The client's address and port, to speak from; null for this machine's own. Not used when the family differs or the proxy is not transparent; its port not
    /// when another session of this client uses it to the same destination.
    /// </param>
    /// <param name="target">The destination.</param>
    /// <param name="sink">Hears what comes back.</param>
    /// <param name="failure">Why null was returned.</param>
    /// <param name="detail">More words on it.</param>
    internal static UdpSocketPeer? TryOpen(
        ProxyContext context, in SocketEndPoint? client, in SocketEndPoint target, IDatagramSink sink, out ProxyFailure failure, out string? detail)
    {
        // A pod that reaches itself by a Service hears from the node: a kernel refuses packets from outside with its own address.
        SocketEndPoint? from = client is { } known && known.WithPort(0) != target.WithPort(0) ? known : null;
        UdpSocketPeer? peer = Open(context, from, target, sink, out SocketErrno error);
        if (peer is null && from is not null && error is SocketErrno.AddressInUse or SocketErrno.AddressNotAvailable)
        {
            peer = Open(context, from.Value.WithPort(0), target, sink, out error);
            if (peer is not null) context.Observer.OnSourcePortChanged();
        }

        if (peer is not null && !context.Answers.TryAdd(peer._remote, peer._local, peer))
        {
            // Two sessions of one client to one destination (by a Service and without) would get each other's answers.
            peer.Dispose();
            peer = Open(context, from?.WithPort(0), target, sink, out error);
            if (peer is not null && !context.Answers.TryAdd(peer._remote, peer._local, peer))
            {
                peer.Dispose();
                (peer, error) = (null, SocketErrno.AddressInUse);
            }

            if (peer is not null) context.Observer.OnSourcePortChanged();
        }

        if (peer is not null)
        {
            peer._awaitsReplies = true;
            error = context.Replies.Add(target, peer._local, context.Loop.Index);
            if (error != SocketErrno.None)
            {
                context.Answers.Remove(peer._remote, peer._local);
                peer._awaitsReplies = false;
                peer.Dispose();
                peer = null;
            }
        }

        (failure, detail) = peer is null ? (Failures.FromConnect(error), $"send to {target}: {error}") : (ProxyFailure.None, null);
        return peer;
    }

    /// <summary>A socket from one address to another; the sink hears what comes to it.</summary>
    /// <param name="context">What the loop shares.</param>
    /// <param name="local">Where to speak from; null for the system's choice.</param>
    /// <param name="remote">Where to.</param>
    /// <param name="sink">Hears what comes back.</param>
    /// <param name="error">Why null was returned.</param>
    internal static UdpSocketPeer? Open(ProxyContext context, in SocketEndPoint? local, in SocketEndPoint remote, IDatagramSink sink, out SocketErrno error)
    {
        SocketHandle? handle = UdpDialer.Connect(context.Options, local, remote, out error);
        if (handle is null) return null;
        SocketEndPoint bound = default;
        error = handle.GetLocalEndPoint(out bound);
        UdpSocketPeer peer = new(context, handle, bound, remote, sink);
        if (error == SocketErrno.None) error = context.Loop.Register(peer, handle, EpollEvents.Readable);
        if (error == SocketErrno.None) return peer;
        handle.Dispose();
        return null;
    }

    /// <summary>The loop it belongs to.</summary>
    internal int Loop => _context.Loop.Index;

    /// <inheritdoc/>
    public bool Send(ReadOnlySpan<byte> payload)
    {
        if (_disposed) return false;
        _context.Udp.Add(this, payload);
        return true;
    }

    /// <inheritdoc/>
    public void Flush() => _context.Udp.Flush(this);

    /// <summary>A datagram that came from another port of the destination.</summary>
    internal void Deliver(ReadOnlySpan<byte> payload, ushort sourcePort)
    {
        _sink.OnDatagram(payload, sourcePort);
        if (!_disposed) _sink.OnIdle();
    }

    /// <summary>The destination's ICMP has said that nobody listens there.</summary>
    internal void OnRefused()
    {
        _context.Udp.Counters.CountRefusedByPeer();
        if (!_disposed) _sink.OnUnreachable();
    }

    /// <inheritdoc/>
    internal override void OnReady(EpollEvents events)
    {
        DatagramReceiver receiver = _context.Udp.Receiver;
        SocketErrno error = receiver.Receive(Handle);
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
    public void Dispose()
    {
        if (_disposed) return;
        _disposed = true;
        if (_awaitsReplies)
        {
            _context.Answers.Remove(_remote, _local);
            _context.Replies.Remove(_remote, _local);
        }

        _context.Udp.Discard(this);
        _context.Loop.Unregister(this);
        Handle.Dispose();
    }
}
