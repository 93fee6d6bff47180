using Culvert.Interop.Sockets;
using Culvert.NodeAgent.Proxy.Transport;

namespace Culvert.NodeAgent.Proxy.Tunnel;

/// <summary>
/// Bounds the connections of one loop whose peers have not proven who they are: anybody who reaches a workload's address can make them. Honest peers speak at
/// once, so the newest gets in and the oldest that has said nothing goes, first among those of the newcomer's own address when that has its share.
/// Belongs to its loop's thread.
/// </summary>
/// <param name="limit">Most at once.</param>
/// <param name="perSource">Most of one address.</param>
internal sealed class HandshakeGate(int limit, int perSource)
{
    private readonly LinkedList<HandshakePlace> _silent = new();
    private readonly LinkedList<HandshakePlace> _speaking = new();
    private readonly Dictionary<SocketEndPoint, int> _bySource = [];

    /// <summary>Connections now.</summary>
    internal int Count => _silent.Count + _speaking.Count;

    /// <summary>Takes a place, perhaps that of another connection, which is reset.</summary>
    /// <param name="peer">Where the connection comes from.</param>
    /// <param name="socket">The connection.</param>
    /// <returns>The place; null when this address has as many as it may, and none of them is silent.</returns>
    internal HandshakePlace? TryEnter(in SocketEndPoint peer, LoopSocket socket)
    {
        SocketEndPoint source = peer.WithPort(0);
        if (_bySource.GetValueOrDefault(source) >= perSource)
        {
            HandshakePlace? own = OldestSilent(source);
            if (own is null) return null;
            own.CrowdOut();
        }

        if (Count >= limit) (_silent.First ?? _speaking.First)!.Value.CrowdOut();
        HandshakePlace place = new(this, source, socket);
        Add(place);
        return place;
    }

    /// <summary>Resets all.</summary>
    internal void CloseAll()
    {
        while ((_silent.First ?? _speaking.First) is { } node) node.Value.CrowdOut();
    }

    internal void Add(HandshakePlace place)
    {
        (place.HasSpoken ? _speaking : _silent).AddLast(place.Node);
        _bySource[place.Source] = _bySource.GetValueOrDefault(place.Source) + 1;
    }

    internal void Remove(HandshakePlace place)
    {
        place.Node.List!.Remove(place.Node);
        int left = _bySource[place.Source] - 1;
        if (left == 0) _bySource.Remove(place.Source);
        else _bySource[place.Source] = left;
    }

    private HandshakePlace? OldestSilent(in SocketEndPoint source)
    {
        foreach (HandshakePlace place in _silent)
        {
            if (place.Source == source) return place;
        }

        return null;
    }
}
