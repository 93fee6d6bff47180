using Culvert.Interop;
using Culvert.Interop.Sockets;
using Culvert.NodeAgent.Proxy.Limits;
using Culvert.NodeAgent.Proxy.Loop;
using Culvert.NodeAgent.Proxy.Model;
using Culvert.NodeAgent.Proxy.Transport;

namespace Culvert.NodeAgent.Proxy.Udp;

/// <summary>Makes the paths of one loop's sessions to clients and applications. Belongs to the loop's thread.</summary>
internal sealed class UdpDialer
{
    // Limits, not reservations. A burst at full speed has to wait here while the loop serves others.
    private const int ReceiveBuffer = 1 << 20;
    private const int SendBuffer = 1 << 20;

    private readonly EventLoop _loop;
    private readonly SocketMark _mark;
    private readonly bool _transparent;
    private readonly UdpIo _io;
    private readonly BoundPorts _ports;
    private readonly PerSpace<UnboundDatagramSender> _unbound;
    private readonly Func<UdpSocketPeer, bool> _bind;
    private bool _mayNot;

    /// <summary>Makes a dialer; no socket yet.</summary>
    /// <param name="loop">The loop.</param>
    /// <param name="mark">Mark of what they send.</param>
    /// <param name="transparent">Whether they may have addresses that are not the machine's.</param>
    /// <param name="io">What the loop's sockets share.</param>
    /// <param name="ports">How many ports may be taken.</param>
    internal UdpDialer(EventLoop loop, SocketMark mark, bool transparent, UdpIo io, BoundPorts ports)
    {
        (_loop, _mark, _transparent, _io, _ports, _unbound) = (loop, mark, transparent, io, ports, new(Make));
        _bind = peer => TryBind(peer, peer.Local) == SocketErrno.None; // what can't have a socket goes on without
    }

    /// <summary>
    /// A path to an application; the sink hears what comes back. It has a connected socket, which hears ICMP and is fast, unless another program has the port that it is to speak from, or too many ports are
    /// taken already: then it has none.
    /// </summary>
    /// <param name="local">The address and port (unless 0) to speak from, also one that is not the machine's; null, and a proxy that is not transparent: the system's choice.</param>
    /// <param name="remote">The application.</param>
    /// <param name="space">Where it speaks; null: in the node's own namespace.</param>
    /// <param name="sink">Hears what comes back.</param>
    /// <param name="error">Why null was returned.</param>
    internal UdpSocketPeer? Open(in SocketEndPoint? local, in SocketEndPoint remote, PodSpace? space, IDatagramSink sink, out SocketErrno error)
    {
        // An address of the other family is of no use.
        SocketEndPoint? from = _transparent && local is { } asked && asked.IsIPv4 == remote.IsIPv4 ? asked : null;
        UdpSocketPeer peer = new(_loop, _io, from ?? default, remote, service: null, space, sink);
        error = TryBind(peer, from);
        if (error == SocketErrno.None) return peer;
        if (error != SocketErrno.AddressInUse || from is not { Port: not 0 } || _unbound.Find(space) is not { } unbound) return null;
        peer.Unbound = unbound;
        error = SocketErrno.None;
        return peer;
    }

    /// <summary>
    /// A path to a client, in the name of what it has asked; null when it can't be made. It has no socket until it is busy, since the port is a server's, which programs of this node may want to have. The sink
    /// hears what comes to a socket.
    /// </summary>
    /// <param name="local">What the client has asked, or the backend in its place.</param>
    /// <param name="client">The client.</param>
    /// <param name="service">The Service that was asked, where <paramref name="local"/> is a backend; null: what is sent arrives with the address it has.</param>
    /// <param name="space">Where it speaks; null: in the node's own namespace.</param>
    /// <param name="sink">Hears what comes back.</param>
    internal UdpSocketPeer? OpenForClient(in SocketEndPoint local, in SocketEndPoint client, in SocketEndPoint? service, PodSpace? space, IDatagramSink sink)
    {
        UdpSocketPeer peer = new(_loop, _io, local, client, service, space, sink) { Unbound = _transparent ? _unbound.Find(space) : null };
        if (peer.Unbound is null) return TryBind(peer, _transparent ? local : null) == SocketErrno.None ? peer : null;
        peer.TryGetSocket = _bind;
        return peer;
    }

    // Gives a path a socket. AddressInUse also where too many ports are taken, unless there is no other way to speak from one.
    private SocketErrno TryBind(UdpSocketPeer peer, in SocketEndPoint? local)
    {
        bool takesPort = local is { Port: not 0 } && _unbound.Find(peer.Space) is not null;
        if (takesPort && !_ports.TryTake(peer.Space)) return SocketErrno.AddressInUse;
        SocketHandle? handle = Connect(local, peer.Remote, peer.Service, peer.Space, out SocketErrno error);
        if (handle is not null)
        {
            error = handle.GetLocalEndPoint(out SocketEndPoint bound);
            if (error == SocketErrno.None) error = _loop.Register(peer, handle, EpollEvents.Readable);
            if (error == SocketErrno.None) peer.Adopt(handle, bound, takesPort ? _ports : null);
            else handle.Dispose();
        }

        if (error != SocketErrno.None && takesPort) _ports.GiveBack(peer.Space);
        return error;
    }

    /// <summary>Closes what it has in a space, which has been given up.</summary>
    internal void CloseOf(PodSpace space) => _unbound.CloseOf(space);

    /// <summary>Closes what its peers share; when the loop ends.</summary>
    internal void Close() => _unbound.Dispose();

    // That this process lacks the capability does not change.
    private UnboundDatagramSender? Make(PodSpace? space)
    {
        if (_mayNot) return null;
        UnboundDatagramSender? sender = SpaceSockets.TryCreateUnbound(_loop, space, _mark, out SocketErrno error);
        if (error is not (SocketErrno.NotPermitted or SocketErrno.AccessDenied) || sender is not null) return sender;
        _mayNot = true;
        _loop.ReportFault(new KernelException("make a raw socket (CAP_NET_RAW) to answer from UDP ports that programs of this node have: answers from these are lost, and the proxy's ports are taken from others", (int)error));
        return null;
    }

    private SocketHandle? Connect(in SocketEndPoint? local, in SocketEndPoint remote, in SocketEndPoint? service, PodSpace? space, out SocketErrno error)
    {
        SocketHandle? handle = SpaceSockets.TryCreateUdp(_loop, space, !remote.IsIPv4, out error);
        if (handle is null) return null;
        error = service is { } asked ? _mark.ApplyForService(handle, asked) : _mark.Apply(handle);
        if (error == SocketErrno.None) error = handle.ForceBuffers(ReceiveBuffer, SendBuffer);

        // Without it GSO batches come cut up, which works as well.
        if (error == SocketErrno.None) _ = handle.SetReceiveOffload();
        if (error == SocketErrno.None && local is { } from)
        {
            error = handle.SetTransparent();
            if (error == SocketErrno.None) error = _mark.TakeCapturedOnly(handle);
            if (error == SocketErrno.None) error = handle.SetReuseAddress();
            if (error == SocketErrno.None) error = handle.Bind(from);
        }

        if (error == SocketErrno.None) error = handle.Connect(remote);
        if (error == SocketErrno.None) return handle;
        handle.Dispose();
        return null;
    }
}
