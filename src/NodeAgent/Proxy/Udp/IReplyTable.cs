using Culvert.Interop.Sockets;

namespace Culvert.NodeAgent.Proxy.Udp;

/// <summary>
/// Tells the kernel which datagrams of a pod are answers to a session of the proxy, so that they come to the session's socket
/// instead of going to the client (map cv_reply). Thread-safe; the same pair may be added by several sessions and counts.
/// </summary>
internal interface IReplyTable
{
    /// <summary>From now on what the pod sends to the client, from any port, belongs to the proxy.</summary>
    /// <param name="pod">The pod; its port does not count.</param>
    /// <param name="client">The client's address and port.</param>
    /// <param name="space">The number of the space that the pod's datagrams are seen in; 0: the node's own namespace.</param>
    /// <param name="loop">The loop whose plain listener gets answers from other ports than the session's; of several that were added for the pair, the last.</param>
    /// <returns>None, or why the kernel refused (NoMemory: the table is full).</returns>
    SocketErrno Add(in SocketEndPoint pod, in SocketEndPoint client, ushort space, int loop);

    /// <summary>Undoes one <see cref="Add"/>.</summary>
    void Remove(in SocketEndPoint pod, in SocketEndPoint client, ushort space);
}
