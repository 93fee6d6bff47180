using Culvert.Interop.Sockets;

namespace Culvert.NodeAgent.Proxy.Udp;

/// <summary>
/// Which session's socket stands for a client towards a destination: keeps two from having the same addresses, and finds the
/// one an answer from another port of the destination belongs to. Shared by all loops for the former. Thread-safe.
/// </summary>
internal sealed class UdpReplyRegistry
{
    private readonly Dictionary<(SocketEndPoint Remote, SocketEndPoint Local), UdpSocketPeer> _byPair = [];
    private readonly Dictionary<(SocketEndPoint Remote, SocketEndPoint Local), UdpSocketPeer> _byAddress = [];
    private readonly Lock _lock = new();

    /// <summary>Takes a pair of addresses; false when a socket has it already.</summary>
    internal bool TryAdd(in SocketEndPoint remote, in SocketEndPoint local, UdpSocketPeer peer)
    {
        lock (_lock)
        {
            if (!_byPair.TryAdd((remote, local), peer)) return false;
            _byAddress.TryAdd((remote.WithPort(0), local), peer);
            return true;
        }
    }

    /// <summary>Gives a pair back.</summary>
    internal void Remove(in SocketEndPoint remote, in SocketEndPoint local)
    {
        lock (_lock)
        {
            if (!_byPair.Remove((remote, local), out UdpSocketPeer? peer)) return;
            if (_byAddress.TryGetValue((remote.WithPort(0), local), out UdpSocketPeer? first) && ReferenceEquals(first, peer)) _byAddress.Remove((remote.WithPort(0), local));
        }
    }

    /// <summary>The socket that an answer belongs to; null when there is none. It may be another loop's.</summary>
    /// <param name="remote">Who answers, from any port.</param>
    /// <param name="local">The client that is answered.</param>
    internal UdpSocketPeer? Find(in SocketEndPoint remote, in SocketEndPoint local)
    {
        lock (_lock) return _byAddress.GetValueOrDefault((remote.WithPort(0), local));
    }
}
