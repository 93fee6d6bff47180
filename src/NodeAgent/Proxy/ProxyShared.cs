using Culvert.Core;
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

    /// <summary>Connections captured or accepted from tunnels.</summary>
    internal ConnectionBudget Connections { get; } = new(options.MaxConnections);

    /// <summary>UDP sessions.</summary>
    internal ConnectionBudget Sessions { get; } = new(options.MaxUdpSessions);

    /// <summary>Accepted tunnels, by the identity that the peer has proven.</summary>
    internal SharedBudget<SpiffeId> Tunnels { get; } = new(options.MaxTunnels);

    /// <summary>Which session's socket stands for which client towards which destination.</summary>
    internal UdpAnswers Answers { get; } = new();

    /// <summary>Which failed handshakes are logged.</summary>
    internal FailureLog Failures { get; } = new(time, options.HandshakeLogInterval);
}
