using Culvert.Core;
using Wire = Culvert.Protocol.V1;

namespace Culvert.NodeAgent.Admin;

/// <summary>What the admin service needs of the agent.</summary>
internal interface IAdminBackend
{
    /// <summary>The snapshot in force, and which path connections take in it.</summary>
    PathOracle Oracle { get; }

    /// <summary>What policies of that snapshot say for which the kernel has no room.</summary>
    IReadOnlyCollection<ClosedPolicy> Closed { get; }

    /// <summary>Which peers of tunnels are believed.</summary>
    BelievedPeers Believed { get; }

    /// <summary>How the agent stands.</summary>
    Task<Wire.StatusResponse> StatusAsync();

    /// <summary>Takes everything out of the kernel and stops the agent; returns what was removed.</summary>
    Task<IReadOnlyList<string>> DetachAsync(CancellationToken cancellationToken);
}
