namespace Culvert.NodeAgent.Proxy;

/// <summary>What one loop holds at one time.</summary>
/// <param name="Connections">Connections that have been opened.</param>
/// <param name="ClientTunnels">Tunnels opened by this side.</param>
/// <param name="ServerTunnels">Tunnels accepted.</param>
/// <param name="BufferedBytes">Bytes of buffers in use for slow sockets.</param>
/// <param name="IdleBufferBytes">Bytes of buffers kept for later.</param>
/// <param name="Descriptors">Descriptors watched.</param>
/// <param name="Handshakes">Accepted connections whose peers have not proven who they are.</param>
/// <param name="UdpSessions">Sessions of captured datagrams, refused ones included.</param>
internal readonly record struct ProxyLoopStats(
    int Connections, int ClientTunnels, int ServerTunnels, int Handshakes, long BufferedBytes, long IdleBufferBytes, int Descriptors, int UdpSessions);
