using Culvert.Core;

namespace Culvert.Controller.Snapshots;

/// <summary>What of a workload is whose to know.</summary>
internal static class WorkloadViews
{
    /// <summary>What every node is told: not where it is attached, which policies guard it, nor whether that it is not enrolled is its node's doing.</summary>
    public static WorkloadInfo Shared(this WorkloadInfo workload) => workload with { PolicyNames = [], NetworkPolicyNames = [], HostInterface = null, NetworkNamespace = null, EnrolmentRefused = false };
}
