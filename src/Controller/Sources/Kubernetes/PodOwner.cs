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

    /// <summary>The Deployment, DaemonSet or StatefulSet that has made a pod; null: none of these.</summary>
    internal static WorkloadReference? Of(V1Pod pod)
    {
        string ns = pod.Metadata.NamespaceProperty ?? "";
        foreach (V1OwnerReference owner in pod.Metadata.OwnerReferences)
        {
            if (owner.Controller != true || owner.ApiVersion != "apps/v1") continue;
            switch (owner.Kind)
            {
                case "DaemonSet": return new(WorkloadReferenceKind.DaemonSet, new NamespacedName(ns, owner.Name));
                case "StatefulSet": return new(WorkloadReferenceKind.StatefulSet, new NamespacedName(ns, owner.Name));
                case "ReplicaSet" when pod.Metadata.Label(HashLabel) is { Length: > 0 } hash && owner.Name.Length > hash.Length + 1 && owner.Name.EndsWith($"-{hash}", StringComparison.Ordinal):
                    return new(WorkloadReferenceKind.Deployment, new NamespacedName(ns, owner.Name[..^(hash.Length + 1)]));
                default: return null;
            }
        }

        return null;
    }
}
