using System.Text.Json.Serialization;

namespace Culvert.Kubernetes.Resources;

/// <summary>What every object of the API has.</summary>
/// <remarks>
/// Collections are never null, here and in all resource records: the API leaves empty ones out or says null. The serializer's generated code gives each init-only property
/// a value, null where the document has none, so defaults are in the accessors.
/// </remarks>
public sealed record ObjectMeta
{
    /// <summary>Name, unique per kind and namespace; null only in an object to be created with <see cref="GenerateName"/>, or of a kind without names.</summary>
    public string? Name { get; init; }

    /// <summary>Beginning of a name that the server completes.</summary>
    public string? GenerateName { get; init; }

    /// <summary>Namespace; null for objects of the cluster.</summary>
    public string? Namespace { get; init; }

    /// <summary>Unique in time: an object that is deleted and made again has another one.</summary>
    public string? Uid { get; init; }

    /// <summary>Opaque version of the object; only to be compared for equality.</summary>
    public string? ResourceVersion { get; init; }

    /// <summary>Counts changes of the specification; 0 for kinds that have none.</summary>
    public long Generation { get; init; }

    /// <summary>When it was made.</summary>
    public DateTimeOffset? CreationTimestamp { get; init; }

    /// <summary>When its deletion was asked for; null while it was not.</summary>
    public DateTimeOffset? DeletionTimestamp { get; init; }

    /// <summary>Labels.</summary>
    public IReadOnlyDictionary<string, string> Labels { get; init => field = value ?? Empty.Strings; } = Empty.Strings;

    /// <summary>Annotations.</summary>
    public IReadOnlyDictionary<string, string> Annotations { get; init => field = value ?? Empty.Strings; } = Empty.Strings;

    /// <summary>Objects whose deletion deletes this one.</summary>
    public IReadOnlyList<OwnerReference> OwnerReferences { get; init => field = value ?? []; } = [];

    /// <summary>Who has to agree before it is gone.</summary>
    public IReadOnlyList<string> Finalizers { get; init => field = value ?? []; } = [];

    /// <summary>Namespace and name.</summary>
    [JsonIgnore]
    public ResourceName ResourceName => new(Namespace ?? "", Name ?? "");
}
