using Culvert.Controller.Objects;
using Culvert.Core;
using Culvert.Kubernetes.Resources;
using k8s.Models;

namespace Culvert.Controller.Sources.Kubernetes;

/// <summary>Finds what a pod belongs to. Pure.</summary>
internal static class PodOwner
{
    // What a Deployment adds to the names of its ReplicaSets, behind a hyphen.
    private const string HashLabel = "pod-template-hash";

    /// <summary>The Deployment, DaemonSet or StatefulSet that manages a pod, as other objects refer to it; null: none of these.</summary>
    internal static WorkloadReference? Of(V1Pod pod) => ManagerOf(pod) is { } manager ? ReferenceTo(pod, manager) : null;

    /// <summary>The Deployment, DaemonSet, StatefulSet or Job that manages a pod; null: none of these.</summary>
    internal static WorkloadOwner? ManagerOf(V1Pod pod)
    {
        foreach (V1OwnerReference owner in pod.Metadata.OwnerReferences)
        {
            if (owner.Controller != true) continue;
            switch ($"{owner.ApiVersion} {owner.Kind}")
            {
                case "apps/v1 DaemonSet": return new(WorkloadOwnerKind.DaemonSet, owner.Name);
                case "apps/v1 StatefulSet": return new(WorkloadOwnerKind.StatefulSet, owner.Name);
                case "batch/v1 Job": return new(WorkloadOwnerKind.Job, owner.Name);
                case "apps/v1 ReplicaSet" when pod.Metadata.Label(HashLabel) is { Length: > 0 } hash && owner.Name.Length > hash.Length + 1 && owner.Name.EndsWith($"-{hash}", StringComparison.Ordinal):
                    return new(WorkloadOwnerKind.Deployment, owner.Name[..^(hash.Length + 1)]);
                default: return null;
            }
        }

        return null;
    }

    private static WorkloadReference? ReferenceTo(V1Pod pod, WorkloadOwner manager) => manager.Kind switch
    {
        WorkloadOwnerKind.Deployment => Reference(WorkloadReferenceKind.Deployment, pod, manager),
        WorkloadOwnerKind.StatefulSet => Reference(WorkloadReferenceKind.StatefulSet, pod, manager),
        WorkloadOwnerKind.DaemonSet => Reference(WorkloadReferenceKind.DaemonSet, pod, manager),
        _ => null, // nothing refers to Jobs
    };

    private static WorkloadReference Reference(WorkloadReferenceKind kind, V1Pod pod, WorkloadOwner manager) => new(kind, new NamespacedName(pod.Metadata.NamespaceProperty ?? "", manager.Name));
}
