using Culvert.Interop.Sockets;

namespace Culvert.NodeAgent.Proxy.Transport;

/// <summary>
/// What the sockets between the proxy and pods of its own node have in common: their path is a veth, in memory, without a bottleneck to probe for.
/// </summary>
internal static class OnNodePath
{
    /// <summary>
    /// Has the socket send without pacing, whatever the node's default for real networks is: with bbr as default, its timers on a veth left both
    /// processors idle half of the time (iperf3, one stream between two nodes, Linux 6.18, 2 cores: 4.6 Gbit/s; with reno on this hop 5.3).
    /// Reno is in every kernel.
    /// </summary>
    internal static SocketErrno Tune(SocketHandle socket) => socket.SetCongestionControl("reno"u8);
}
