using Culvert.Interop.Sockets;
using Culvert.NodeAgent.Proxy.Model;

namespace Culvert.NodeAgent.Proxy.Transport;

/// <summary>How to open a connection.</summary>
/// <param name="Timeout">Time for it to be made.</param>
/// <param name="Mark">Mark of its packets.</param>
/// <param name="UserTimeout">Sent bytes unacknowledged for so long end it; zero for the system's default.</param>
/// <param name="Source">Address (and port, unless 0) to connect from; null for the system's choice.</param>
/// <param name="Transparent">Whether <paramref name="Source"/> may be an address that is not the machine's.</param>
/// <param name="OnNode">
/// Whether the other end is a pod of this node: see <see cref="OnNodePath"/>.
/// </param>
/// <param name="IsTunnel">Whether the other end is a proxy; else it is an application: see <see cref="ApplicationSocketOptions"/>.</param>
/// <param name="KeepAlive">Silence after which the kernel probes the other end; zero: never.</param>
/// <param name="Space">Where the socket is; null: in the node's own namespace.</param>
internal readonly record struct DialOptions(
    TimeSpan Timeout, SocketMark Mark, TimeSpan UserTimeout = default, SocketEndPoint? Source = null, bool Transparent = false, bool OnNode = false, bool IsTunnel = false,
    TimeSpan KeepAlive = default, PodSpace? Space = null);

/// <summary>The outcome of a connection attempt.</summary>
/// <param name="Socket">The connected socket; null when it failed.</param>
/// <param name="Error">Why it failed.</param>
/// <param name="PortChanged">Whether the wanted source port was taken and another one was used.</param>
internal readonly record struct DialResult(LoopSocket? Socket, SocketErrno Error, bool PortChanged);
