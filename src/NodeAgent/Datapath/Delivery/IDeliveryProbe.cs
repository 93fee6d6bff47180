namespace Culvert.NodeAgent.Datapath.Delivery;

/// <summary>Tries whether what is captured at pods' links reaches the agent.</summary>
internal interface IDeliveryProbe
{
    /// <summary>Tries it at links of captured pods.</summary>
    /// <param name="pods">The pods.</param>
    /// <param name="to">Whom it is for.</param>
    /// <returns>What has become of it, and of which family what was lost is, for people; in the order of the pods.</returns>
    IReadOnlyList<(DeliveryResult Result, string Lost)> TryCaptured(IReadOnlyList<LocalEndpoint> pods, ProbeDestinations to);

    /// <summary>Tries it at the link of a pod that is not captured, whose own packets stay untouched.</summary>
    (DeliveryResult Result, string Lost) TryUncaptured(LocalEndpoint pod, ProbeDestinations to);
}
