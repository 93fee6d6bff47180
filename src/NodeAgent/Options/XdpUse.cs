namespace Culvert.NodeAgent.Options;

/// <summary>When the agent puts its XDP program at the uplinks.</summary>
public enum XdpUse
{
    /// <summary>While a workload of this node takes datagrams by the proxy: XDP costs software devices their segmentation offload.</summary>
    Auto,

    /// <summary>Always.</summary>
    On,

    /// <summary>Never; the programs at TC do the same, later.</summary>
    Off,
}
