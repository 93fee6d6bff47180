using Culvert.Core;

namespace Culvert.NodeAgent.Datapath;

/// <summary>Tells pods that are gone from the cluster, and may run on for a while, from workloads that leave the mesh. Pure.</summary>
internal static class GonePods
{
    /// <summary>Whether a captured workload was a pod that the snapshot has no more, or has another of its name for. A workload that was declared leaves the mesh when it is gone; so does a pod that is told not to be enrolled.</summary>
    /// <param name="snapshot">What is told now.</param>
    /// <param name="workload">Uid of the workload.</param>
    /// <param name="podUid">Its pod; null: it was none, or nobody has said.</param>
    internal static bool IsGone(NodeSnapshot snapshot, string workload, string? podUid) => !MayBe(podUid, snapshot.Workloads.GetValueOrDefault(workload)?.PodUid);

    /// <summary>Whether a workload is the pod that something was captured for, or may be, as nobody has said which that was.</summary>
    /// <param name="known">The pod that it was captured for; null: it was none, or nobody has said.</param>
    /// <param name="podUid">The pod of the workload now; null: it is none, or is gone.</param>
    internal static bool MayBe(string? known, string? podUid) => known is null || known == podUid;
}
