namespace Culvert.NodeAgent.Proxy.Model;

/// <summary>From which addresses tunnels are opened. Thread-safe; may change at any time, for tunnels that are opened from then on.</summary>
internal interface ITunnelSource
{
    /// <summary>Whether from those of the workloads that they are for; otherwise from the node's.</summary>
    bool IsPod { get; }
}
