namespace Culvert.Core;

/// <summary>A condition on the destination port. Both lists, where not empty, and the protocol, where it is given, must be met.</summary>
public sealed record PolicyDestination
{
    /// <summary>Ports of which one must be the destination port (at the workload, not at the service).</summary>
    public EquatableArray<ushort> Ports { get; init; }

    /// <summary>Ports that must not be the destination port.</summary>
    public EquatableArray<ushort> NotPorts { get; init; }

    /// <summary>The only protocol that is meant; null: both.</summary>
    public TransportProtocol? Protocol { get; init; }
}
