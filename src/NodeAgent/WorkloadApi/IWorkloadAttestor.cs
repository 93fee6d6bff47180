using System.Net.Sockets;
using Culvert.Core;

namespace Culvert.NodeAgent.WorkloadApi;

/// <summary>Finds out which workload of this node has connected. Thread-safe.</summary>
internal interface IWorkloadAttestor
{
    /// <summary>What connections of one pod have in common, and those of others have not; it costs next to nothing to know. Empty: that can't be told.</summary>
    /// <param name="connection">A connection of a Unix socket.</param>
    string GroupOf(Socket connection);

    /// <summary>Looks at who has connected.</summary>
    /// <param name="connection">A connection of a Unix socket.</param>
    /// <param name="reason">Why nobody who has an identity here; empty when somebody is returned. For the log: callers are not told.</param>
    /// <exception cref="IOException">It can't be found out now: there is no memory or descriptor to look with, or the kernel does not tell.</exception>
    AttestedCaller? Attest(Socket connection, out string reason);

    /// <summary>The workload of who has connected, as it is now; null: the pod is gone, is not in the mesh any more, or is not captured where it was.</summary>
    WorkloadInfo? Find(AttestedCaller caller);
}
