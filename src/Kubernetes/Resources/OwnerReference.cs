namespace Culvert.Kubernetes.Resources;

/// <summary>An owner in the same namespace, or of the cluster.</summary>
public sealed record OwnerReference
{
    /// <summary>Group and version of the owner's kind.</summary>
    public string ApiVersion { get; init => field = value ?? ""; } = "";

    /// <summary>Its kind.</summary>
    public string Kind { get; init => field = value ?? ""; } = "";

    /// <summary>Its name.</summary>
    public string Name { get; init => field = value ?? ""; } = "";

    /// <summary>Its unique id.</summary>
    public string Uid { get; init => field = value ?? ""; } = "";

    /// <summary>Whether it is the one that manages the object.</summary>
    public bool? Controller { get; init; }

    /// <summary>Whether it is not deleted, in the foreground, before the object is.</summary>
    public bool? BlockOwnerDeletion { get; init; }
}
