using Culvert.Interop.Sockets;
using Culvert.NodeAgent.Proxy.Loop;
using Culvert.NodeAgent.Proxy.Model;
using Culvert.NodeAgent.Proxy.Transport;

namespace Culvert.NodeAgent.Proxy.Udp;

/// <summary>Makes the connected sockets of one loop's sessions. Belongs to the loop's thread.</summary>
internal sealed class UdpDialer
{
    // Limits, not reservations. A burst at full speed has to wait here while the loop serves others.
    private const int ReceiveBuffer = 1 << 20;
    private const int SendBuffer = 1 << 20;

    private readonly EventLoop _loop;
    private readonly SocketMark _mark;
    private readonly bool _transparent;
    private readonly UdpIo _io;
    private readonly PerSpace<UnboundDatagramSender> _unbound;

    /// <summary>Makes a dialer; no socket yet.</summary>
    /// <param name="loop">The loop.</param>
    /// <param name="mark">Mark of what they send.</param>
    /// <param name="transparent">Whether they may have addresses that are not the machine's.</param>
    /// <param name="io">What the loop's sockets share.</param>
    internal UdpDialer(EventLoop loop, SocketMark mark, bool transparent, UdpIo io)
    {
        (_loop, _mark, _transparent, _io) = (loop, mark, transparent, io);
        _unbound = new(space => SpaceSockets.TryCreateUnbound(loop, space, mark, out _));
    }

    /// <summary>A socket from one address to another; the sink hears what comes to it.</summary>
    /// <param name="local">The address and port (unless 0) to speak from, also one that is not the machine's; null, and a proxy that is not transparent: the system's choice.</param>
    /// <param name="remote">Where to.</param>
    /// <param name="service">The Service that it speaks for, with a backend's address, to a pod; null: what it sends arrives with the address it has.</param>
    /// <param name="space">Where the socket is; null: in the node's own namespace.</param>
    /// <param name="sink">Hears what comes back.</param>
    /// <param name="error">Why null was returned.</param>
    internal UdpSocketPeer? Open(in SocketEndPoint? local, in SocketEndPoint remote, in SocketEndPoint? service, PodSpace? space, IDatagramSink sink, out SocketErrno error)
    {
        SocketHandle? handle = Connect(local, remote, service, space, out error);
        if (handle is null && error == SocketErrno.AddressInUse && local is { Port: not 0 } from && _unbound.Find(space) is { } unbound)
        {
            error = SocketErrno.None;
            return new UdpSocketPeer(_loop, _io, unbound, service, space, from, remote, sink);
        }

        if (handle is null) return null;
        error = handle.GetLocalEndPoint(out SocketEndPoint bound);
        if (error == SocketErrno.None)
        {
            UdpSocketPeer peer = new(_loop, _io, handle, space, bound, remote, sink);
            error = _loop.Register(peer, handle, EpollEvents.Readable);
            if (error == SocketErrno.None) return peer;
        }

        handle.Dispose();
        return null;
    }

    /// <summary>Closes what it has in a space, which has been given up.</summary>
    internal void CloseOf(PodSpace space) => _unbound.CloseOf(space);

    /// <summary>Closes what its peers share; when the loop ends.</summary>
    internal void Close() => _unbound.Dispose();

    private SocketHandle? Connect(in SocketEndPoint? local, in SocketEndPoint remote, in SocketEndPoint? service, PodSpace? space, out SocketErrno error)
    {
        SocketHandle? handle = SpaceSockets.TryCreateUdp(_loop, space, !remote.IsIPv4, out error);
        if (handle is null) return null;
        error = service is { } asked ? _mark.ApplyForService(handle, asked) : _mark.Apply(handle);
        if (error == SocketErrno.None) error = handle.ForceBuffers(ReceiveBuffer, SendBuffer);

        // Without it GSO batches come cut up, which works as well.
        if (error == SocketErrno.None) _ = handle.SetReceiveOffload();
        if (error == SocketErrno.None && _transparent && local is { } from && from.IsIPv4 == remote.IsIPv4)
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
