using Culvert.Interop.Sockets;
using Culvert.NodeAgent.Proxy.Kept;
using Culvert.NodeAgent.Proxy.Limits;
using Culvert.NodeAgent.Proxy.Tunnel;
using Culvert.NodeAgent.Proxy.Udp;

namespace Culvert.NodeAgent.Proxy;

/// <summary>What the loops of one proxy share: budgets, and who stands for whom. Thread-safe.</summary>
/// <param name="options">The limits.</param>
/// <param name="loops">How many loops there are.</param>
/// <param name="time">The clock.</param>
internal sealed class ProxyShared(ProxyOptions options, int loops, TimeProvider time)
{
    /// <summary>How many loops there are.</summary>
    internal int Loops => loops;

    /// <summary>Sockets of connections and UDP sessions of workloads, by workload.</summary>
    internal SharedBudget Workloads { get; } = new(options.MaxConnections);

    /// <summary>Sockets of connections and UDP sessions from outside the mesh, by address.</summary>
    internal SharedBudget External { get; } = new(options.MaxExternal);

    /// <summary>Accepted tunnels, by the identity that the peer has proven.</summary>
    internal SharedBudget Tunnels { get; } = new(options.MaxTunnels);

    /// <summary>Tunnels opened by this side, by the identity they are opened for.</summary>
    internal SharedBudget OwnTunnels { get; } = new(options.MaxTunnels);

    /// <summary>Which tunnels this proxy has opened.</summary>
    internal TunnelEnds Ends { get; } = new();

    /// <summary>Responses that are kept for later requests; null: none are.</summary>
    internal ResponseStore? Responses { get; } = options.MaxKeptBytes > 0 ? new(options.MaxKeptBytes, time) : null;

    /// <summary>Which session's socket stands for which client towards which destination.</summary>
    internal UdpReplyRegistry Answers { get; } = new();

    /// <summary>Ports of others that the proxy's UDP sockets have.</summary>
    internal BoundPorts Ports { get; } = new(options.MaxBoundPorts);

    /// <summary>What peers have proven.</summary>
    internal PeerProofs Proofs { get; } = new();

    /// <summary>Which failed handshakes are logged.</summary>
    internal LogThrottle<SocketEndPoint> Failures { get; } = new(time, options.HandshakeLogInterval);

    /// <summary>Which failures to accept connections are logged.</summary>
    internal LogThrottle<SocketErrno> AcceptFailures { get; } = new(time, options.HandshakeLogInterval);
}
