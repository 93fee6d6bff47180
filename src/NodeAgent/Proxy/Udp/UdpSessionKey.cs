using Culvert.Interop.Sockets;
using Culvert.NodeAgent.Proxy.Model;

namespace Culvert.NodeAgent.Proxy.Udp;

/// <summary>A session: a client, and where it sends to.</summary>
/// <param name="Client">The client's address and port.</param>
/// <param name="Destination">Where it sends to: a pod or a Service.</param>
/// <param name="Space">Where the client's datagrams arrive; null: in the node's own namespace.</param>
internal readonly record struct UdpSessionKey(SocketEndPoint Client, SocketEndPoint Destination, PodSpace? Space = null)
{
    /// <summary>A number for hash tables: the parts of a session that change most.</summary>
    public override int GetHashCode()
    {
        ulong mixed = (Client.Low ^ (Client.High * 0x9E37_79B9_7F4A_7C15)) + (((ulong)Client.Port << 48) | Destination.Port);
        mixed = (mixed ^ Destination.Low ^ (Destination.High >> 7)) * 0xFF51_AFD7_ED55_8CCD;
        return (int)(mixed >> 32);
    }
}
