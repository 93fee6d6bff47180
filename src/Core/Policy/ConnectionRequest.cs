using System.Net;

namespace Culvert.Core;

/// <summary>A connection about to be made, as the policy sees it.</summary>
public readonly record struct ConnectionRequest
{
    /// <summary>The source's identity, or null when it has none. Counts only when <see cref="Authenticated"/>.</summary>
    public SpiffeId? SourceIdentity { get; init; }

    /// <summary>The source address.</summary>
    public required IPAddress SourceAddress { get; init; }

    /// <summary>The workload that has the source address, enrolled or not; null when none has it. NetworkPolicies tell pods by it.</summary>
    public required WorkloadInfo? SourceWorkload { get; init; }

    /// <summary>The workload connected to.</summary>
    public required WorkloadInfo Destination { get; init; }

    /// <summary>The destination port at the workload.</summary>
    public required ushort Port { get; init; }

    /// <summary>The transport protocol.</summary>
    public required TransportProtocol Protocol { get; init; }

    /// <summary>Whether the identity is proven: by mutual TLS, or by the veth of a workload on the same node.</summary>
    public required bool Authenticated { get; init; }

    /// <summary>Whether its requests are read and decided one by one, so that conditions on them are left open here: an ALLOW rule that has some may match, one of DENY or AUDIT does not yet. Otherwise it carries what nobody reads.</summary>
    public bool IsRead { get; init; }

    /// <summary>The identity when it is proven, else null.</summary>
    public SpiffeId? ProvenIdentity => Authenticated ? SourceIdentity : null;
}
