namespace Culvert.NodeAgent.Datapath.Delivery;

/// <summary>What has become of what was captured at a pod's link.</summary>
internal enum DeliveryResult
{
    /// <summary>It could not be tried, or did not arrive and would not have been handed on without the mesh either, as when a policy engine refuses it.</summary>
    Unknown,

    /// <summary>The pod's link is not there.</summary>
    Gone,

    /// <summary>It reached a socket of the agent.</summary>
    Delivered,

    /// <summary>It did not, though the node would have handed it on had it not been captured.</summary>
    Lost,
}
