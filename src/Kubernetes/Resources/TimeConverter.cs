using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Culvert.Kubernetes.Resources;

/// <summary>Times of the API, which wants them written in one way. Reads any of RFC 3339.</summary>
/// <param name="format">The form to write, of a time in UTC.</param>
internal abstract class TimeConverter(string format) : JsonConverter<DateTimeOffset?>
{
    public override DateTimeOffset? Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
        reader.TokenType == JsonTokenType.Null ? null : reader.GetDateTimeOffset();

    public override void Write(Utf8JsonWriter writer, DateTimeOffset? value, JsonSerializerOptions options)
    {
        if (value is { } time) writer.WriteStringValue(time.UtcDateTime.ToString(format, CultureInfo.InvariantCulture));
        else writer.WriteNullValue();
    }
}
