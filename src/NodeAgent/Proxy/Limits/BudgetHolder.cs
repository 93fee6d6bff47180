using Culvert.Core;
using Culvert.Interop.Sockets;

namespace Culvert.NodeAgent.Proxy.Limits;

/// <summary>Who holds places in a <see cref="SharedBudget"/>, or buffers of a loop: a workload of this node, an identity, or an address outside the mesh.</summary>
/// <param name="Workload">The workload's UID; null for others.</param>
/// <param name="Identity">An identity; null for others.</param>
/// <param name="Address">An address without its port; beside a workload, the client that has it hold the place. Default for others.</param>
internal readonly record struct BudgetHolder(string? Workload, SpiffeId? Identity, SocketEndPoint Address)
{
    /// <summary>A workload of this node.</summary>
    internal static BudgetHolder Of(WorkloadInfo workload) => new(workload.Uid, null, default);

    /// <summary>An identity.</summary>
    internal static BudgetHolder Of(SpiffeId identity) => new(null, identity, default);

    /// <summary>Who has proven an identity to one of the mesh. Another trust domain counts as one, since it makes as many identities as it likes.</summary>
    internal static BudgetHolder Of(SpiffeId peer, SpiffeId own) => Of(peer.TrustDomain == own.TrustDomain ? peer : SpiffeId.Parse(SpiffeId.SchemePrefix + peer.TrustDomain));

    /// <summary>Somebody outside the mesh.</summary>
    internal static BudgetHolder Of(in SocketEndPoint address) => new(null, null, address.WithPort(0));
}
