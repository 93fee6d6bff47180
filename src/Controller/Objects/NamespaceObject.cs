using System.Collections.Immutable;

namespace Culvert.Controller.Objects;

/// <summary>A namespace; only its labels count.</summary>
internal sealed record NamespaceObject(ObjectMeta Meta) : MeshObject(ObjectKind.Namespace, Meta)
{
    /// <summary>Label that takes a namespace's workloads into the mesh or leaves them out: <c>"true"</c> or <c>"false"</c>.</summary>
    public const string EnrolledLabel = "culvert.dev/enrolled";

    /// <summary>Label that every namespace has by itself: its name.</summary>
    public const string NameLabel = "kubernetes.io/metadata.name";

    /// <summary>What the label says, or null.</summary>
    public bool? Enrolled => Meta.Labels.TryGetValue(EnrolledLabel, out string? value) ? value == "true" : null;

    /// <summary>The labels of a namespace, whether there is an object of it or not.</summary>
    public static ImmutableSortedDictionary<string, string> LabelsOf(string name, NamespaceObject? ns) =>
        (ns?.Meta.Labels ?? ImmutableSortedDictionary<string, string>.Empty).SetItem(NameLabel, name);
}
