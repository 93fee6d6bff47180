using System.Text.Json;
using System.Text.Json.Serialization;

namespace Culvert.Kubernetes.Transport;

/// <summary>Writes a document as it is.</summary>
internal sealed class DocumentConverter : JsonConverter<Document>
{
    public override Document Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) => throw new NotSupportedException("documents are only written");

    public override void Write(Utf8JsonWriter writer, Document value, JsonSerializerOptions options) => writer.WriteRawValue(value.Json.Span, skipInputValidation: true);
}
