namespace Culvert.Kubernetes.Resources;

/// <summary>An object of the Kubernetes API. Implementations are immutable: caches hand them out to everybody.</summary>
public interface IKubernetesObject
{
    /// <summary>Group and version, e.g. <c>apps/v1</c>; null where the server leaves it out, as it does for items of lists.</summary>
    string? ApiVersion { get; }

    /// <summary>Kind, e.g. <c>Pod</c>; null as <see cref="ApiVersion"/>.</summary>
    string? Kind { get; }

    /// <summary>Name, version and the like.</summary>
    ObjectMeta Metadata { get; }
}
