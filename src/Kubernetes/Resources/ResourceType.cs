using System.Text.Json.Serialization.Metadata;
using k8s;
using k8s.Models;

namespace Culvert.Kubernetes.Resources;

/// <summary>A kind of objects: where the API has it, and how it is read. Those of Kubernetes are in <see cref="KnownResources"/>; custom ones are made by who uses them.</summary>
/// <typeparam name="T">The record for one object.</typeparam>
public sealed record ResourceType<T>
    where T : class, IKubernetesObject<V1ObjectMeta>
{
    /// <param name="group">API group; empty for the core group.</param>
    /// <param name="version">Its version, e.g. <c>v1</c>.</param>
    /// <param name="plural">Name in paths, e.g. <c>pods</c>.</param>
    /// <param name="kind">Name in documents, e.g. <c>Pod</c>.</param>
    /// <param name="json">How an object is read and written; generated at compile time.</param>
    /// <exception cref="ArgumentException">A name cannot be part of a path.</exception>
    public ResourceType(string group, string version, string plural, string kind, JsonTypeInfo<T> json)
    {
        ArgumentNullException.ThrowIfNull(group);
        if (group.Length > 0) PathSegment.Check(group, nameof(group));
        (Group, Version, Plural, Kind, Json) = (group, PathSegment.Check(version, nameof(version)), PathSegment.Check(plural, nameof(plural)), kind, json);
    }

    /// <summary>API group; empty for the core group.</summary>
    public string Group { get; }

    /// <summary>Version of the group.</summary>
    public string Version { get; }

    /// <summary>Name in paths.</summary>
    public string Plural { get; }

    /// <summary>Name in documents.</summary>
    public string Kind { get; }

    /// <summary>How an object is read and written.</summary>
    public JsonTypeInfo<T> Json { get; }

    /// <summary>Whether objects are in namespaces; true unless said otherwise.</summary>
    public bool IsNamespaced { get; init; } = true;

    /// <summary>
    /// Whether <typeparamref name="T"/> has all fields of the kind. Only then may an object be replaced as a whole: what its record does not know, the server would remove.
    /// </summary>
    public bool IsComplete { get; init; }

    /// <summary><c>group/version</c>, or the version alone for the core group; as documents say it.</summary>
    public string ApiVersion => Group.Length == 0 ? Version : $"{Group}/{Version}";

    /// <summary><c>plural.group</c>, or the plural alone; as roles and messages say it.</summary>
    public string FullName => Group.Length == 0 ? Plural : $"{Plural}.{Group}";

    /// <summary>The path of the collection, without a slash at its end.</summary>
    /// <param name="inNamespace">The namespace; empty for all, and for objects of the cluster.</param>
    /// <exception cref="ArgumentException">The namespace can't be one, or the kind has none.</exception>
    public string CollectionPath(string inNamespace)
    {
        CheckNamespace(inNamespace);
        string root = Group.Length == 0 ? $"/api/{Version}" : $"/apis/{Group}/{Version}";
        return string.IsNullOrEmpty(inNamespace) ? $"{root}/{Plural}" : $"{root}/namespaces/{inNamespace}/{Plural}";
    }

    /// <summary>The path of one object.</summary>
    /// <exception cref="ArgumentException">The name can't be one, or its namespace is missing.</exception>
    public string ObjectPath(ResourceName name)
    {
        Check(name);
        return $"{CollectionPath(name.Namespace)}/{name.Name}";
    }

    /// <exception cref="ArgumentException">The name can't be one, or its namespace is missing.</exception>
    internal void Check(ResourceName name)
    {
        if (IsNamespaced && string.IsNullOrEmpty(name.Namespace)) throw new ArgumentException($"{FullName} are in namespaces, and '{name}' says none", nameof(name));
        CheckNamespace(name.Namespace);
        PathSegment.Check(name.Name, nameof(name));
    }

    /// <exception cref="ArgumentException">The namespace can't be one, or the kind has none.</exception>
    internal void CheckNamespace(string inNamespace)
    {
        if (string.IsNullOrEmpty(inNamespace)) return;
        if (!IsNamespaced) throw new ArgumentException($"{FullName} are not in namespaces", nameof(inNamespace));
        PathSegment.Check(inNamespace, nameof(inNamespace));
    }

    /// <inheritdoc/>
    public override string ToString() => FullName;
}
