namespace Culvert.NodeAgent.Datapath.Delivery;

/// <summary>Tries whether what is captured at pods' links reaches the agent.</summary>
internal interface IDeliveryProbe
{
    /// <summary>Why the last try said nothing of some pods, beside what a policy refuses; null: nothing stood in its way.</summary>
    string? Doubt { get; }

    /// <summary>Tries it at links of captured pods, by what captures there.</summary>
    /// <param name="pods">The pods.</param>
    /// <param name="to">Whom it is for.</param>
    /// <returns>What has become of it, in the order of the pods.</returns>
    /// <exception cref="IOException">The kernel refused.</exception>
    IReadOnlyList<DeliveryFinding> TryCaptured(IReadOnlyList<LocalEndpoint> pods, ProbeDestinations to);

    /// <summary>Tries it at links as if they were captured, whether they are or not. What the pods send themselves stays untouched.</summary>
    /// <inheritdoc cref="TryCaptured"/>
    IReadOnlyList<DeliveryFinding> TryUncaptured(IReadOnlyList<LocalEndpoint> pods, ProbeDestinations to);
}
