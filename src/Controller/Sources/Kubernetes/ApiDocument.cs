using System.Text.Json.Serialization;
using Culvert.Controller.Documents;
using Culvert.Kubernetes.Resources;
using k8s;
using k8s.Models;

namespace Culvert.Controller.Sources.Kubernetes;

/// <summary>An object of the API as the tree that the readers of <c>Schema</c> read, whatever its kind.</summary>
/// <param name="Metadata">Its metadata.</param>
/// <param name="Content">Its labels and annotations and all other fields but the status, as they stand; without apiVersion and kind, which items of lists don't have.</param>
/// <param name="Digest">The same for the same <paramref name="Content"/> of the same generation, not made anew: most updates of an object, of its status above all, change nothing that counts here.</param>
/// <param name="Conditions">The conditions in its status.</param>
[JsonConverter(typeof(ApiDocumentConverter))]
internal sealed record ApiDocument(V1ObjectMeta Metadata, MapNode Content, UInt128 Digest, IReadOnlyList<Condition> Conditions) : IKubernetesObject<V1ObjectMeta>
{
    /// <summary>What its status says of the parents of a route.</summary>
    public IReadOnlyList<ParentEntry> Parents { get; init; } = [];

    public V1ObjectMeta Metadata { get; set; } = Metadata;

    /// <summary>Always null: items of lists don't say it.</summary>
    public string? ApiVersion { get; set; }

    /// <summary>As <see cref="ApiVersion"/>.</summary>
    public string? Kind { get; set; }
}
