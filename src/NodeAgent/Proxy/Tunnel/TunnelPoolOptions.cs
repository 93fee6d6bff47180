using Culvert.NodeAgent.Proxy.Transport;

namespace Culvert.NodeAgent.Proxy.Tunnel;

/// <summary>How a loop's <see cref="TunnelPool"/> makes tunnels and uses them.</summary>
/// <param name="Tunnels">How each behaves.</param>
/// <param name="Dial">How to connect to peers.</param>
/// <param name="StreamsPerTunnel">Streams of bytes on one before another is opened.</param>
/// <param name="DatagramStreamsPerTunnel">UDP sessions on one before another is opened.</param>
/// <param name="LossyTunnels">Tunnels of this loop that UDP sessions of one pair are spread over where packets are lost; 1 or more.</param>
/// <param name="StreamTimeout">Time for a peer to answer CONNECT.</param>
internal sealed record TunnelPoolOptions(
    TunnelOptions Tunnels, DialOptions Dial, int StreamsPerTunnel, int DatagramStreamsPerTunnel, int LossyTunnels, TimeSpan StreamTimeout);
