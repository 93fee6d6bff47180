namespace Culvert.Kubernetes.Transport;

/// <summary>A JSON document that is sent as it is.</summary>
/// <param name="Json">The document in UTF-8.</param>
internal sealed record Document(ReadOnlyMemory<byte> Json);
