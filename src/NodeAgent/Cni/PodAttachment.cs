using System.Net;
using Culvert.Cni;
using Culvert.Core;

namespace Culvert.NodeAgent.Cni;

/// <summary>What a container runtime has told of a pod of this node, by a call of the CNI plugin. Immutable.</summary>
internal sealed record PodAttachment
{
    /// <summary>The container that stands for the pod, and the interface in it.</summary>
    internal required CniAttachmentName Name { get; init; }

    /// <summary>The pod.</summary>
    internal required NamespacedName Pod { get; init; }

    /// <summary>Its uid; null where the runtime does not tell.</summary>
    internal string? PodUid { get; init; }

    /// <summary>Path of its network namespace; null where it is not told.</summary>
    internal string? NetworkNamespace { get; init; }

    /// <summary>The host's end of its link; null where that is not known.</summary>
    internal string? HostInterface { get; init; }

    /// <summary>Its addresses.</summary>
    internal EquatableArray<IPAddress> Addresses { get; init; }

    /// <summary>The addresses that the controller said it had by then: what it says later is newer than the runtime's word.</summary>
    internal EquatableArray<IPAddress> ToldBefore { get; init; }

    /// <summary>When it was told; of two of one pod the later one counts.</summary>
    internal required DateTimeOffset Added { get; init; }

    /// <summary>Whether this is of a workload, and not of another pod that had, or will have, its name.</summary>
    internal bool IsOf(WorkloadInfo workload) => Pod == workload.Name && (PodUid is null || workload.PodUid is null || PodUid == workload.PodUid);
}
