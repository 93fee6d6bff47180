namespace Culvert.Core;

/// <summary>All that decides, in one direction, about the connections of workloads that no policy tells apart.</summary>
internal sealed class PolicySet
{
    /// <summary>Its number.</summary>
    public required uint Id { get; init; }

    /// <summary>Which connections it decides about.</summary>
    public required PolicyDirection Direction { get; init; }

    /// <summary>Whether a peer without an identity is refused whatever else is said.</summary>
    public bool RefusesAnonymous { get; init; }

    /// <summary>The ports that its policies tell apart.</summary>
    public required PortRanges Ports { get; init; }

    /// <summary>The classes that its policies tell apart, policy by policy.</summary>
    public required IReadOnlyList<ClassSignatures> Signatures { get; init; }

    /// <summary>Whether its policies tell TCP from UDP.</summary>
    public required bool TellsProtocolsApart { get; init; }

    /// <summary>Asks the oracle about a class of peers; what comes back tells of each port.</summary>
    public required Func<PeerClass, Func<ushort, TransportProtocol, Decision>> Decide { get; init; }
}
