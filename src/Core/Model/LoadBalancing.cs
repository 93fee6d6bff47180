namespace Culvert.Core;

/// <summary>How a backend is picked for a new connection or session to a Service port.</summary>
public enum LoadBalancing
{
    /// <summary>At random, in proportion to weights. The only one that the kernel knows; all others need the proxy.</summary>
    Random,

    /// <summary>One after the other, in proportion to weights, counted by each node.</summary>
    RoundRobin,

    /// <summary>The one with the fewest connections or sessions of this node, for its weight.</summary>
    LeastConnections,

    /// <summary>By the client's address: the same client keeps its backend while that is there, and few clients move when backends change.</summary>
    SourceHash,
}
