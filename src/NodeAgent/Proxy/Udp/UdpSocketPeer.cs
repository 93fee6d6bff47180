using Culvert.Interop.Sockets;
using Culvert.NodeAgent.Proxy.Limits;
using Culvert.NodeAgent.Proxy.Loop;
using Culvert.NodeAgent.Proxy.Model;
using Culvert.NodeAgent.Proxy.Transport;

namespace Culvert.NodeAgent.Proxy.Udp;

/// <summary>
/// A pod, or another plain UDP end point, as a session speaks to it: a connected socket that may be bound to an address of
/// somebody else, so that the application sees the real client; or no socket of its own: where another program has the port, too many ports are taken, or, towards a client, there is not much to be sent. Then what
/// comes back is delivered by whoever takes captured datagrams.
/// Belongs to its loop's thread.
/// </summary>
internal sealed class UdpSocketPeer : EventSource, IDatagramPeer, IReplyHolder
{
    /// <summary>Datagrams that wait for <see cref="UdpIo"/>.</summary>
    internal DatagramQueue Queue;

    /// <summary>Largest datagram that goes in GSO batches.</summary>
    internal int MaxSegment = ushort.MaxValue;

    // So many datagrams within a second, and a socket of its own is worth a port: its batches cost a fifth of single ones (bench, udp.cross_node.mtls.pps).
    private const int Busy = 256;
    private const int BusyMilliseconds = 1000;

    private readonly UdpIo _io;
    private readonly IDatagramSink _sink;
    private BoundPorts? _ports;
    private long _countedSince;
    private int _counted;
    private bool _disposed;

    /// <summary>A path without a socket yet.</summary>
    /// <param name="loop">The loop.</param>
    /// <param name="io">What the loop's sockets share.</param>
    /// <param name="local">Where it speaks from.</param>
    /// <param name="remote">Where to.</param>
    /// <param name="service">The Service that it speaks for; null: none.</param>
    /// <param name="space">Where it speaks; null: in the node's own namespace.</param>
    /// <param name="sink">Hears what comes back.</param>
    internal UdpSocketPeer(EventLoop loop, UdpIo io, in SocketEndPoint local, in SocketEndPoint remote, in SocketEndPoint? service, PodSpace? space, IDatagramSink sink) =>
        (Loop, _io, Local, Remote, Service, Space, _sink) = (loop, io, local, remote, service, space, sink);

    /// <summary>The socket; null while it has none of its own.</summary>
    internal SocketHandle? Handle { get; private set; }

    /// <summary>Sends while there is no socket; not owned.</summary>
    internal UnboundDatagramSender? Unbound { get; set; }

    /// <summary>Called when there is much to be sent without a socket: gives it one, if that can be had now. Null: it stays without.</summary>
    internal Func<UdpSocketPeer, bool>? TryGetSocket { get; set; }

    /// <summary>The Service that it speaks for; null: none.</summary>
    internal SocketEndPoint? Service { get; }

    /// <summary>Where it speaks from.</summary>
    public SocketEndPoint Local { get; private set; }

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
        if (Handle is null && TryGetSocket is { } tryGet && IsBusy()) tryGet(this);
        if (Handle is not null) _io.Add(this, payload);
        else _io.CountUnbound(Unbound!.Send(Local, Remote, Service, payload));
        return true;
    }

    /// <summary>Gives it a socket, which the loop watches already.</summary>
    /// <param name="handle">The socket; owned from here on.</param>
    /// <param name="bound">Where it is bound.</param>
    /// <param name="ports">Where its port is given back; null: it has taken none.</param>
    internal void Adopt(SocketHandle handle, in SocketEndPoint bound, BoundPorts? ports) => (Handle, Local, _ports) = (handle, bound, ports);

    // Once in so many datagrams: a socket that can't be had now may be later.
    private bool IsBusy()
    {
        if (Loop.NowMilliseconds - _countedSince > BusyMilliseconds) (_countedSince, _counted) = (Loop.NowMilliseconds, 0);
        if (++_counted < Busy) return false;
        _counted = 0;
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
        Unbound = null;
        if (Handle is null) return;
        Loop.Unregister(this);
        Handle.Dispose();
        _ports?.GiveBack(Space);
    }
}
