using System.Collections.Immutable;
using Culvert.Core;

namespace Culvert.Controller.Objects;

/// <summary>A namespace; only its labels count.</summary>
internal sealed record NamespaceObject(ObjectMeta Meta) : MeshObject(ObjectKind.Namespace, Meta)
{
    /// <summary>Label that every namespace has by itself: its name.</summary>
    public const string NameLabel = "kubernetes.io/metadata.name";

    /// <summary>What its <see cref="MeshLabel"/> says of its workloads, or null.</summary>
    public bool? Enrolled => MeshLabel.Read(Meta.Labels);

    /// <summary>The labels of a namespace, whether there is an object of it or not.</summary>
    public static ImmutableSortedDictionary<string, string> LabelsOf(string name, NamespaceObject? ns) =>
        (ns?.Meta.Labels ?? ImmutableSortedDictionary<string, string>.Empty).SetItem(NameLabel, name);
}
