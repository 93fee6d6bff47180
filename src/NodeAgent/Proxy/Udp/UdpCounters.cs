namespace Culvert.NodeAgent.Proxy.Udp;

/// <summary>What one loop counts of datagrams. Written by the loop's thread only; read by any.</summary>
internal sealed class UdpCounters
{
    private long _fromClients;
    private long _toClients;
    private long _refusedByPeer;
    private long _sessions;

    /// <summary>Datagrams taken from clients.</summary>
    internal long FromClients => Volatile.Read(ref _fromClients);

    /// <summary>Datagrams given to clients.</summary>
    internal long ToClients => Volatile.Read(ref _toClients);

    /// <summary>Times a destination said that nobody listens there.</summary>
    internal long RefusedByPeer => Volatile.Read(ref _refusedByPeer);

    /// <summary>Sessions now.</summary>
    internal long Sessions => Volatile.Read(ref _sessions);

    internal void CountFromClient() => _fromClients++;

    internal void CountToClient() => _toClients++;

    internal void CountRefusedByPeer() => _refusedByPeer++;

    internal void SetSessions(int sessions) => Volatile.Write(ref _sessions, sessions);
}
