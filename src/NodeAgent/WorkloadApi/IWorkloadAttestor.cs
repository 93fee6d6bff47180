using Culvert.Core;
using Culvert.Interop.Sockets;

namespace Culvert.NodeAgent.WorkloadApi;

/// <summary>Finds out which workload of this node has connected. Thread-safe.</summary>
internal interface IWorkloadAttestor
{
    /// <summary>What connections of one pod have in common, and those of others have not; it costs little to know. Empty: that can't be told, or not before it was looked who it is.</summary>
    /// <param name="peer">The process that has connected, held since then.</param>
    string GroupOf(PeerProcess peer);

    /// <summary>Looks at who has connected.</summary>
    /// <param name="peer">The process that has connected, held since then: what is found by the number of one that has ended meanwhile would be another's.</param>
    /// <param name="reason">Why nobody who has an identity here; empty when somebody is returned. For the log: callers are not told.</param>
    /// <exception cref="IOException">It can't be found out now: there is no memory or descriptor to look with, the kernel does not tell, or too many ask who are no pod's.</exception>
    AttestedCaller? Attest(PeerProcess peer, out string reason);

    /// <summary>The workload of who has connected, as it is now; null: the pod is gone, is not in the mesh any more, or is not captured where it was.</summary>
    WorkloadInfo? Find(AttestedCaller caller);
}
