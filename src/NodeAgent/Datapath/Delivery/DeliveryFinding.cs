namespace Culvert.NodeAgent.Datapath.Delivery;

/// <summary>What has become of what was captured in a pod's name, by family. Of a family that the pod has no address of, that is unknown.</summary>
/// <param name="IPv4">Of IPv4.</param>
/// <param name="IPv6">Of IPv6.</param>
internal readonly record struct DeliveryFinding(DeliveryResult IPv4, DeliveryResult IPv6)
{
    /// <summary>The pod's link is not there.</summary>
    internal static DeliveryFinding Gone { get; } = new(DeliveryResult.Gone, DeliveryResult.Gone);

    /// <summary>Whether the pod's link is not there.</summary>
    internal bool IsGone => IPv4 == DeliveryResult.Gone || IPv6 == DeliveryResult.Gone;

    /// <summary>Whether something of it has arrived or was lost.</summary>
    internal bool IsKnown => !IsGone && (IPv4 != DeliveryResult.Unknown || IPv6 != DeliveryResult.Unknown);

    /// <summary>Of which families what was captured was lost, for people; null: of none.</summary>
    internal string? Lost => (IPv4 == DeliveryResult.Lost, IPv6 == DeliveryResult.Lost) switch
    {
        (true, true) => "IPv4 and IPv6",
        (true, false) => "IPv4",
        (false, true) => "IPv6",
        _ => null,
    };

    /// <summary>What is known after it, with what was known before of a family that it says nothing of.</summary>
    internal DeliveryFinding After(DeliveryFinding before) => new(IPv4 == DeliveryResult.Unknown ? before.IPv4 : IPv4, IPv6 == DeliveryResult.Unknown ? before.IPv6 : IPv6);
}
