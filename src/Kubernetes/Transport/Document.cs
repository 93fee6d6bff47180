using System.Text.Json.Serialization;

namespace Culvert.Kubernetes.Transport;

/// <summary>A JSON document that the package sends as it is.</summary>
/// <param name="Json">The document in UTF-8.</param>
[JsonConverter(typeof(DocumentConverter))]
internal sealed record Document(ReadOnlyMemory<byte> Json);
