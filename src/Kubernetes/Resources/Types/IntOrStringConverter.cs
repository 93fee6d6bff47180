using System.Text.Json;
using System.Text.Json.Serialization;

namespace Culvert.Kubernetes.Resources;

/// <summary>Reads a number or a string.</summary>
internal sealed class IntOrStringConverter : JsonConverter<IntOrString>
{
    public override IntOrString Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) => reader.TokenType switch
    {
        JsonTokenType.Number => IntOrString.Of(reader.GetInt32()),
        JsonTokenType.String => IntOrString.Of(reader.GetString()!),
        _ => throw new JsonException("a number or a string was expected"),
    };

    public override void Write(Utf8JsonWriter writer, IntOrString value, JsonSerializerOptions options)
    {
        if (value.Number is { } number) writer.WriteNumberValue(number);
        else writer.WriteStringValue(value.Name);
    }
}
