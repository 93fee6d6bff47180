using System.Text.Json.Serialization;

namespace Culvert.Kubernetes.Transport;

/// <summary>Tells the package's serializer how documents are written.</summary>
[JsonSerializable(typeof(Document))]
internal sealed partial class DocumentJson : JsonSerializerContext;
