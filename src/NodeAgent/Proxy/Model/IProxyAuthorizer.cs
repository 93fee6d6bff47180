using Culvert.Core;
using Culvert.Interop.Sockets;

namespace Culvert.NodeAgent.Proxy.Model;

/// <summary>
/// Decides about connections to and from workloads of this node. Called on every loop at once; answers from an immutable snapshot.
/// After a change the proxy has to be told to revalidate.
/// </summary>
internal interface IProxyAuthorizer
{
    /// <summary>Decides about one connection.</summary>
    /// <param name="peer">The identity the peer has proven, by its certificate or its veth; null for plaintext from outside the mesh.</param>
    /// <param name="source">The client's address.</param>
    /// <param name="destination">The workload to be reached, as <see cref="IProxyDirectory.FindLocalWorkload"/> has given it.</param>
    /// <param name="port">Its port.</param>
    /// <param name="protocol">TCP or UDP.</param>
    /// <param name="isRead">Whether its requests are read, and asked about one by one (<paramref name="rules"/>).</param>
    /// <param name="rules">What is left to be decided about them; null: nothing.</param>
    Decision Authorize(SpiffeId? peer, in SocketEndPoint source, WorkloadInfo destination, ushort port, TransportProtocol protocol, bool isRead, out RequestRules? rules);

    /// <summary>Decides whether a connection may go out of a workload of this node.</summary>
    /// <param name="source">The workload, as <see cref="IProxyDirectory.FindLocalWorkload"/> has given it.</param>
    /// <param name="destination">Where the client wanted to go.</param>
    /// <param name="target">Where it goes, after a backend has been chosen.</param>
    /// <param name="protocol">TCP or UDP.</param>
    Decision AuthorizeEgress(WorkloadInfo source, in SocketEndPoint destination, in SocketEndPoint target, TransportProtocol protocol);
}
