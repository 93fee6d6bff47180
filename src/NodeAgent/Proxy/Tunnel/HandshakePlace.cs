using Culvert.Interop.Sockets;
using Culvert.NodeAgent.Proxy.Transport;

namespace Culvert.NodeAgent.Proxy.Tunnel;

/// <summary>The place that one connection has in a <see cref="HandshakeGate"/> until its peer has proven who it is. Belongs to the gate's loop.</summary>
internal sealed class HandshakePlace
{
    private readonly HandshakeGate _gate;

    internal HandshakePlace(HandshakeGate gate, in SocketEndPoint source, LoopSocket socket)
    {
        (_gate, Source, Socket) = (gate, source, socket);
        Node = new LinkedListNode<HandshakePlace>(this);
    }

    /// <summary>The peer's address; its port is 0.</summary>
    internal SocketEndPoint Source { get; }

    /// <summary>The connection.</summary>
    internal LoopSocket Socket { get; }

    /// <summary>Whether the peer has sent a whole record of TLS.</summary>
    internal bool HasSpoken { get; private set; }

    /// <summary>Whether the connection was reset to make room for others.</summary>
    internal bool IsCrowdedOut { get; private set; }

    /// <summary>Its place in the gate's order of age; of no list once it has left.</summary>
    internal LinkedListNode<HandshakePlace> Node { get; }

    /// <summary>The peer has begun: it is no longer among the first to go.</summary>
    internal void Speak()
    {
        if (HasSpoken || Node.List is null) return;
        _gate.Remove(this);
        HasSpoken = true;
        _gate.Add(this);
    }

    /// <summary>Resets the connection; whoever waits for it goes on.</summary>
    internal void CrowdOut()
    {
        IsCrowdedOut = true;
        _gate.Remove(this);
        Socket.Reset();
    }

    /// <summary>Gives the place back, unless that has been done.</summary>
    internal void Leave()
    {
        if (Node.List is not null) _gate.Remove(this);
    }
}
