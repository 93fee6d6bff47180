using Culvert.NodeAgent.Proxy.Transport;
using Culvert.NodeAgent.Proxy.Tunnel;
using Culvert.NodeAgent.Proxy.Udp;

namespace Culvert.NodeAgent.Proxy;

/// <content>What parts of the proxy use of them.</content>
internal sealed partial record ProxyOptions
{
    /// <summary>How tunnels behave.</summary>
    internal TunnelOptions Tunnels => new(Http2, TunnelIdleTimeout, TunnelSuspectTime, DistrustDrain);

    /// <summary>How UDP sessions of captured datagrams are kept.</summary>
    internal DatagramSessionTimes UdpTimes => new(UdpIdleTimeout, UdpRefusalTime, UdpRetryTime);

    /// <summary>How UDP sessions out of tunnels are kept.</summary>
    internal DatagramSessionTimes DatagramStreamTimes => UdpTimes with { Idle = DatagramStreamIdleTimeout };

    /// <summary>How applications are connected to; a source, and whether it is on this node, are a connection's own.</summary>
    internal DialOptions ApplicationDial => new(ConnectTimeout, Mark, Transparent: Transparent, KeepAlive: ApplicationKeepAlive);

    /// <summary>How one of so many loops makes and uses tunnels.</summary>
    internal TunnelPoolOptions TunnelPoolOf(int loops) => new(
        Tunnels,
        new DialOptions(ConnectTimeout, Mark, TunnelTimeout, Transparent: Transparent, IsTunnel: true, KeepAlive: KeepAlive.DefaultIdle),
        StreamsPerTunnel,
        DatagramStreamsPerTunnel,
        (LossyTunnels + loops - 1) / loops,
        StreamTimeout);
}
