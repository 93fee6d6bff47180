namespace Culvert.Core;

/// <summary>A condition on the destination port, and on requests that arrive there. Both lists, where not empty, and the protocol and the conditions on requests, where they are given, must be met.</summary>
public sealed record PolicyDestination
{
    /// <summary>Ports of which one must be the destination port (at the workload, not at the service).</summary>
    public EquatableArray<ushort> Ports { get; init; }

    /// <summary>Ports that must not be the destination port.</summary>
    public EquatableArray<ushort> NotPorts { get; init; }

    /// <summary>The only protocol that is meant; null: both.</summary>
    public TransportProtocol? Protocol { get; init; }

    /// <summary>
    /// What must hold of requests of HTTP, which are then decided one by one; null: nothing. Of what carries no requests that can be read, ALLOW rules with such conditions match nothing, and others match whatever it is: what can't be known is never allowed.
    /// </summary>
    public RequestConditions? Request { get; init; }
}
