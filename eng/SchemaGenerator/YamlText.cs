using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Culvert.SchemaGenerator;

/// <summary>Writes JSON values as YAML in block style: the same text for the same value.</summary>
internal static class YamlText
{
    internal static string Of(JsonObject value)
    {
        StringBuilder text = new();
        Mapping(text, value, 0, isFirstInline: false);
        return text.ToString();
    }

    private static void Mapping(StringBuilder text, JsonObject value, int indent, bool isFirstInline)
    {
        bool first = isFirstInline;
        foreach ((string key, JsonNode? item) in value)
        {
            if (!first) text.Append(' ', indent);
            first = false;
            text.Append(Scalar(key)).Append(':');
            Value(text, item, indent);
        }
    }

    private static void Value(StringBuilder text, JsonNode? value, int indent)
    {
        switch (value)
        {
            case JsonObject { Count: > 0 } mapping:
                text.Append('\n');
                Mapping(text, mapping, indent + 2, isFirstInline: false);
                break;
            case JsonArray { Count: > 0 } list:
                text.Append('\n');
                foreach (JsonNode? item in list)
                {
                    text.Append(' ', indent).Append('-');
                    if (item is JsonObject { Count: > 0 } element)
                    {
                        text.Append(' ');
                        Mapping(text, element, indent + 2, isFirstInline: true);
                    }
                    else
                    {
                        Value(text, item, indent);
                    }
                }
                break;
            case JsonObject:
                text.Append(" {}\n");
                break;
            case JsonArray:
                text.Append(" []\n");
                break;
            case JsonValue scalar when scalar.GetValueKind() == JsonValueKind.String:
                text.Append(' ').Append(Scalar(scalar.GetValue<string>())).Append('\n');
                break;
            case JsonValue number when number.GetValueKind() == JsonValueKind.Number:
                text.Append(CultureInfo.InvariantCulture, $" {number.ToJsonString()}\n");
                break;
            default:
                text.Append(' ').Append(value?.ToJsonString() ?? "null").Append('\n');
                break;
        }
    }

    // What is not plainly a word stands in single quotes, in which nothing but the quote itself is special.
    private static string Scalar(string text) =>
        IsWord(text) && text.ToLowerInvariant() is not ("true" or "false" or "null" or "yes" or "no" or "on" or "off" or "y" or "n") ? text : $"'{text.Replace("'", "''", StringComparison.Ordinal)}'";

    private static bool IsWord(string text) =>
        text.Length > 0 && (char.IsAsciiLetter(text[0]) || text[0] is '$' or '/') && text.All(c => char.IsAsciiLetterOrDigit(c) || c is '_' or '.' or '/' or '-' or '$');
}
