using System.Text;
using System.Text.Json;

namespace Culvert.Controller.Documents;

/// <summary>Makes the tree of JSON that was parsed already, as answers of an API are, and JSON of it; without lines, which are nobody's there.</summary>
internal static class JsonTree
{
    /// <exception cref="JsonException">It is nested deeper than <see cref="DocumentRules.MaxDepth"/>.</exception>
    public static DocumentNode Of(JsonElement value) => Of(value, 0);

    /// <summary>The same again as JSON.</summary>
    public static string TextOf(DocumentNode node)
    {
        using MemoryStream stream = new();
        using (Utf8JsonWriter writer = new(stream)) Write(writer, node);
        return Encoding.UTF8.GetString(stream.GetBuffer().AsSpan(0, (int)stream.Length));
    }

    private static void Write(Utf8JsonWriter writer, DocumentNode node)
    {
        switch (node)
        {
            case MapNode map:
                writer.WriteStartObject();
                foreach (MapNode.Entry entry in map.Entries)
                {
                    writer.WritePropertyName(entry.Key);
                    Write(writer, entry.Value);
                }
                writer.WriteEndObject();
                break;
            case ListNode list:
                writer.WriteStartArray();
                foreach (DocumentNode item in list.Items) Write(writer, item);
                writer.WriteEndArray();
                break;
            case ScalarNode { IsString: true } text:
                writer.WriteStringValue(text.Text);
                break;
            default:
                writer.WriteRawValue(((ScalarNode)node).Text);
                break;
        }
    }

    private static DocumentNode Of(JsonElement value, int depth)
    {
        if (depth > DocumentRules.MaxDepth) throw new JsonException(DocumentRules.TooDeep);
        return value.ValueKind switch
        {
            JsonValueKind.Object => new MapNode(0, [.. value.EnumerateObject().Select(p => new MapNode.Entry(p.Name, 0, Of(p.Value, depth + 1)))]),
            JsonValueKind.Array => new ListNode(0, [.. value.EnumerateArray().Select(v => Of(v, depth + 1))]),
            JsonValueKind.String => new ScalarNode(0, value.GetString()!, ScalarKind.String),
            JsonValueKind.Number => new ScalarNode(0, value.GetRawText(), ScalarKind.Number),
            JsonValueKind.True => new ScalarNode(0, "true", ScalarKind.Boolean),
            JsonValueKind.False => new ScalarNode(0, "false", ScalarKind.Boolean),
            _ => new ScalarNode(0, "null", ScalarKind.Null),
        };
    }
}
