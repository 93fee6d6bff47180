using Culvert.Interop.Sockets;
using Culvert.NodeAgent.Proxy.Model;

namespace Culvert.NodeAgent.Proxy.Udp;

/// <summary>
/// Which session's socket stands for a client towards a destination: keeps two from having the same addresses, and finds the
/// one an answer from another port of the destination belongs to. Also what is left of sessions that policy has ended. Shared by all loops. Thread-safe.
/// </summary>
internal sealed class UdpReplyRegistry
{
    private readonly Dictionary<(PodSpace? Space, SocketEndPoint Remote, SocketEndPoint Local), IReplyHolder> _byPair = [];

    // Of several ports of a destination the one that came last; the kernel has the loop of the same one (IReplyTable).
    private readonly Dictionary<(PodSpace? Space, SocketEndPoint Remote, SocketEndPoint Local), IReplyHolder> _byAddress = [];
    private readonly Lock _lock = new();

    /// <summary>Takes a pair of addresses; false when a socket has it already.</summary>
    /// <param name="socket">Who takes it.</param>
    /// <param name="replaced">The ended session that had it, whose place the caller has to give back; null when none had.</param>
    internal bool TryAdd(UdpSocketPeer socket, out EndedUdpSession? replaced)
    {
        lock (_lock)
        {
            IReplyHolder? holder = _byPair.GetValueOrDefault(Pair(socket));
            replaced = holder as EndedUdpSession;
            if (holder is UdpSocketPeer) return false;
            _byPair[Pair(socket)] = socket;
            _byAddress[Addresses(socket)] = socket;
            return true;
        }
    }

    /// <summary>Policy has ended a socket's session, which keeps the pair.</summary>
    /// <param name="socket">The socket, which has the pair.</param>
    /// <param name="session">What is left of its session.</param>
    internal void Replace(UdpSocketPeer socket, EndedUdpSession session)
    {
        lock (_lock)
        {
            _byPair[Pair(session)] = session;
            if (ReferenceEquals(_byAddress.GetValueOrDefault(Addresses(session)), socket)) _byAddress[Addresses(session)] = session;
        }
    }

    /// <summary>Gives a pair back.</summary>
    /// <returns>False when somebody else has it by now.</returns>
    internal bool Remove(IReplyHolder holder)
    {
        lock (_lock)
        {
            if (!ReferenceEquals(_byPair.GetValueOrDefault(Pair(holder)), holder)) return false;
            _byPair.Remove(Pair(holder));
            if (ReferenceEquals(_byAddress.GetValueOrDefault(Addresses(holder)), holder)) _byAddress.Remove(Addresses(holder));
            return true;
        }
    }

    /// <summary>Whom an answer belongs to; null when to nobody. A socket may be another loop's.</summary>
    /// <param name="space">Where the answer arrived.</param>
    /// <param name="remote">Who answers: the port that was asked or, of the same address, another.</param>
    /// <param name="local">The client that is answered.</param>
    internal IReplyHolder? Find(PodSpace? space, in SocketEndPoint remote, in SocketEndPoint local)
    {
        lock (_lock) return _byPair.GetValueOrDefault((space, remote, local)) ?? _byAddress.GetValueOrDefault((space, remote.WithPort(0), local));
    }

    private static (PodSpace? Space, SocketEndPoint Remote, SocketEndPoint Local) Pair(IReplyHolder holder) => (holder.Space, holder.Remote, holder.Local);

    private static (PodSpace? Space, SocketEndPoint Remote, SocketEndPoint Local) Addresses(IReplyHolder holder) => (holder.Space, holder.Remote.WithPort(0), holder.Local);
}
