using Culvert.Interop.Sockets;

namespace Culvert.NodeAgent.Proxy.Model;

/// <summary>The backends that one request has been tried at: others are asked while there are any. Bounded. Belongs to its loop's thread.</summary>
internal sealed class TriedBackends
{
    /// <summary>So many are remembered, those of the last tries.</summary>
    internal const int Most = 16;

    private readonly List<SocketEndPoint> _addresses = [];

    /// <summary>How often the request has been tried.</summary>
    internal int Count { get; private set; }

    /// <summary>The last.</summary>
    internal SocketEndPoint Last { get; private set; }

    /// <summary>Notes one more.</summary>
    /// <param name="address">The backend's address and port.</param>
    /// <returns>Itself.</returns>
    internal TriedBackends With(in SocketEndPoint address)
    {
        if (_addresses.Count == Most) _addresses.RemoveAt(0);
        _addresses.Add(address);
        Last = address;
        Count++;
        return this;
    }

    /// <summary>Whether the request has been tried at a backend, so far as is remembered.</summary>
    /// <param name="address">The backend's address and port.</param>
    internal bool Contains(in SocketEndPoint address)
    {
        foreach (SocketEndPoint tried in _addresses)
        {
            if (tried == address) return true;
        }

        return false;
    }
}
