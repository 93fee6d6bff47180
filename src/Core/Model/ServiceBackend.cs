using System.Net;

namespace Culvert.Core;

/// <summary>One backend of a service port.</summary>
/// <param name="WorkloadUid">The workload behind it, or null when the address is not a workload's.</param>
/// <param name="Address">Its address.</param>
/// <param name="Port">Its port: 1..65535.</param>
/// <param name="Weight">Its share against its siblings: 0 (drained) .. 65535; 1 unless configured.</param>
public sealed record ServiceBackend(string? WorkloadUid, IPAddress Address, ushort Port, ushort Weight = 1)
{
    /// <summary>The node that it is on, for the controller; null where nobody says, and on agents, which are not told.</summary>
    public string? Node { get; init; }

    /// <summary>Whether it is in the zone of the node that is told, where requests are to stay in their zone; false in the controller, and where nobody says.</summary>
    public bool IsNear { get; init; }

    /// <summary>Whether it is ending, and taken only where no other is ready, for the controller; false on agents.</summary>
    public bool IsEnding { get; init; }

    /// <summary>The zones whose clients are to be sent to it, for the controller; empty where nobody says, and on agents.</summary>
    public EquatableArray<string> Zones { get; init; }
}
