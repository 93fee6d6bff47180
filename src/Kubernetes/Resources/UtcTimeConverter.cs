using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Culvert.Kubernetes.Resources;

/// <summary>
/// Reads times of RFC 3339 as UTC, and writes them without parts of a second, as the API's Time is. The package's converter throws
/// exceptions of another kind for what is no time.
/// </summary>
internal sealed class UtcTimeConverter : JsonConverter<DateTime>
{
    public override DateTime Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) => reader.GetDateTimeOffset().UtcDateTime;

    public override void Write(Utf8JsonWriter writer, DateTime value, JsonSerializerOptions options) =>
        writer.WriteStringValue(value.ToUniversalTime().ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture));
}
