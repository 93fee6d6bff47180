namespace Culvert.NodeAgent.Proxy.Connections;

/// <summary>The admitted connections of one loop, also those still being connected, for re-authorisation and drain. Belongs to the loop's thread.</summary>
internal sealed class ConnectionSet
{
    private ProxiedConnection? _first;

    /// <summary>Connections in the set.</summary>
    internal int Count { get; private set; }

    internal void Add(ProxiedConnection connection)
    {
        connection.Next = _first;
        if (_first is not null) _first.Previous = connection;
        _first = connection;
        Count++;
    }

    internal void Remove(ProxiedConnection connection)
    {
        if (connection.Previous is null) _first = connection.Next;
        else connection.Previous.Next = connection.Next;
        if (connection.Next is not null) connection.Next.Previous = connection.Previous;
        connection.Next = connection.Previous = null;
        Count--;
    }

    /// <summary>A copy: ending a connection takes it out of the set.</summary>
    internal ProxiedConnection[] ToArray()
    {
        ProxiedConnection[] all = new ProxiedConnection[Count];
        int i = 0;
        for (ProxiedConnection? c = _first; c is not null; c = c.Next) all[i++] = c;
        return all;
    }
}
