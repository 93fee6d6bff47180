using Culvert.Core;

namespace Culvert.Controller.Snapshots;

/// <summary>What of a workload is whose to know.</summary>
internal static class WorkloadViews
{
    /// <summary>
    /// What every node is told: not where it is attached, which policies guard it, what its ports speak, which pod it is, nor whether that it is not enrolled is its node's doing. Null: nothing, since nobody else can reach a pod without an address.
    /// </summary>
    public static WorkloadInfo? Shared(this WorkloadInfo workload) =>
        workload.IsStarting ? null : workload with { PolicyNames = [], NetworkPolicyNames = [], RequestAuthenticationNames = [], ApplicationPorts = [], HostInterface = null, NetworkNamespace = null, EnrolmentRefused = false, PodUid = null };
}
