namespace Culvert.Core;

/// <summary>From which address a node opens tunnels for its workloads.</summary>
public enum TunnelSource
{
    /// <summary>As <see cref="Pod"/> where routing rules of the node are about single workloads' addresses, otherwise as <see cref="Node"/>.</summary>
    Auto,

    /// <summary>The node's own: workloads with one identity share a tunnel.</summary>
    Node,

    /// <summary>The workload's own: who looks at addresses between the nodes sees who speaks to whom, and each workload has tunnels of its own.</summary>
    Pod,
}
