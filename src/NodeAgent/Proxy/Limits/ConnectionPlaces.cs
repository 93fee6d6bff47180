using Culvert.Core;
using Culvert.Interop.Sockets;

namespace Culvert.NodeAgent.Proxy.Limits;

/// <summary>Says in whose name a connection, or session of datagrams, takes places. Thread-safe; what it gives out is for one thread at a time.</summary>
/// <param name="workloads">Places of workloads of this node.</param>
/// <param name="external">Places of addresses outside the mesh.</param>
internal sealed class ConnectionPlaces(SharedBudget workloads, SharedBudget external)
{
    /// <summary>
    /// Places for what a client does by this node's proxy: those of the workload that it is, or, for a load balancer that the destination trusts, of the destination;
    /// others outside the mesh have few.
    /// </summary>
    /// <param name="source">The workload of this node that the client is; null for one outside the mesh.</param>
    /// <param name="client">The client's address.</param>
    /// <param name="trusting">The workload of this node that trusts the client's PROXY headers; null when none does.</param>
    internal BudgetLease ForClient(WorkloadInfo? source, in SocketEndPoint client, WorkloadInfo? trusting) =>
        (source ?? trusting) is { } workload
            ? new BudgetLease(workloads, BudgetHolder.Of(workload))
            : new BudgetLease(external, BudgetHolder.Of(client));

    /// <summary>Places of the workload that is addressed.</summary>
    /// <param name="workload">The workload.</param>
    /// <param name="client">The client that has it take them, which has a share of its places; null where the workload answers for all of them.</param>
    internal BudgetLease ForDestination(WorkloadInfo workload, SocketEndPoint? client = null) => new(workloads, BudgetHolder.Of(workload), client);
}
