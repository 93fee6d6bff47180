using System.Collections.Concurrent;
using Culvert.Interop.Sockets;

namespace Culvert.NodeAgent.Proxy.Tunnel;

/// <summary>
/// The tunnels that this proxy has opened, by their two addresses: one that arrives here with the same leads from a workload of this node to another, and its peer, being this proxy, speaks for
/// this node's addresses. Thread-safe.
/// </summary>
internal sealed class TunnelEnds
{
    private readonly ConcurrentDictionary<(SocketEndPoint Client, SocketEndPoint Server), bool> _ends = new();

    /// <summary>One has been connected; told before its handshake, so that its peer finds it here.</summary>
    /// <param name="client">This side's address and port.</param>
    /// <param name="server">The other side's.</param>
    internal void Add(in SocketEndPoint client, in SocketEndPoint server) => _ends[(client, server)] = true;

    /// <summary>One has ended.</summary>
    internal void Remove(in SocketEndPoint client, in SocketEndPoint server) => _ends.TryRemove((client, server), out _);

    /// <summary>Whether one that arrived was opened by this proxy.</summary>
    internal bool Contains(in SocketEndPoint client, in SocketEndPoint server) => _ends.ContainsKey((client, server));
}
