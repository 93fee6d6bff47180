using Culvert.Core;

namespace Culvert.NodeAgent.Datapath;

/// <summary>Tells pods that are gone from the cluster, and may run on for a while, from workloads that leave the mesh. Pure.</summary>
internal static class GonePods
{
    /// <summary>Whether a captured workload was a pod that the snapshot has no more, or has another of its name for. A workload that was declared leaves the mesh when it is gone; so does a pod that is told not to be enrolled.</summary>
    /// <param name="snapshot">What is told now.</param>
    /// <param name="workload">Uid of the workload.</param>
    /// <param name="podUid">Its pod; null: it was none, or nobody has said.</param>
    internal static bool IsGone(NodeSnapshot snapshot, string workload, string? podUid) => podUid is not null && snapshot.Workloads.GetValueOrDefault(workload)?.PodUid != podUid;
}
