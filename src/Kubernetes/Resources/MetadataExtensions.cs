using k8s.Models;

namespace Culvert.Kubernetes.Resources;

/// <summary>What caches, work queues and messages need of an object's metadata.</summary>
public static class MetadataExtensions
{
    extension(V1ObjectMeta metadata)
    {
        /// <summary>Namespace and name.</summary>
        public ResourceName ResourceName => new(metadata.NamespaceProperty ?? "", metadata.Name ?? "");

        /// <summary>The value of a label; null where there is none of the name.</summary>
        public string? Label(string name) => metadata.Labels is { } labels && labels.TryGetValue(name, out string? value) ? value : null;

        /// <summary>The value of an annotation; null where there is none of the name.</summary>
        public string? Annotation(string name) => metadata.Annotations is { } annotations && annotations.TryGetValue(name, out string? value) ? value : null;

        /// <summary>When the server made the object; null before that.</summary>
        public DateTimeOffset? Created => metadata.CreationTimestamp is { } time ? new(DateTime.SpecifyKind(time, DateTimeKind.Utc)) : null;
    }
}
