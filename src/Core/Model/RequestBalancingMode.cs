namespace Culvert.Core;

/// <summary>How a backend is picked for each request of HTTP.</summary>
public enum RequestBalancingMode
{
    /// <summary>At random, in proportion to weights.</summary>
    Random,

    /// <summary>One after the other, in proportion to weights, counted by each node.</summary>
    RoundRobin,

    /// <summary>Of two drawn by weight the one with the fewer requests of this node, for its weight.</summary>
    LeastRequests,

    /// <summary>Of two drawn by weight the one whose answers to this node come sooner, with what it has to do already.</summary>
    LeastTime,

    /// <summary>By something of the request or by its client's address: the same has the same backend while that is there, on every node, and few move when backends change.</summary>
    Hash,
}
