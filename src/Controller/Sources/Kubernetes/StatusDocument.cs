using Culvert.Kubernetes.Resources;

namespace Culvert.Controller.Sources.Kubernetes;

/// <summary>What is applied to an object: its status, and no other field.</summary>
/// <param name="ApiVersion">Group and version.</param>
/// <param name="Kind">The kind.</param>
/// <param name="Metadata">Which object.</param>
/// <param name="Status">Its status.</param>
internal sealed record StatusDocument(string ApiVersion, string Kind, StatusDocument.Name Metadata, StatusDocument.Content Status)
{
    /// <summary>Which object.</summary>
    internal sealed record Name(string? Namespace, [property: System.Text.Json.Serialization.JsonPropertyName("name")] string Value);

    /// <summary>Its status, and the generation that it is about.</summary>
    internal sealed record Content(long ObservedGeneration, IReadOnlyList<Condition> Conditions);
}
