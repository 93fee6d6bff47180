using System.Text;
using System.Text.Json;

namespace Culvert.Controller.Documents;

/// <summary>Reads a JSON document (RFC 8259) into the same tree as YAML, with the line of each value.</summary>
internal static class JsonReader
{
    // Deeper than what is accepted, so that it is said in the same words as of YAML.
    private static readonly JsonReaderOptions Options = new() { MaxDepth = 2 * DocumentRules.MaxDepth };

    /// <summary>Reads a document whose text begins on <paramref name="firstLine"/> of its file; null when it is empty.</summary>
    public static SourceDocument? Read(int firstLine, string text)
    {
        if (string.IsNullOrWhiteSpace(text)) return null;
        int lastLine = text.AsSpan().TrimEnd().Count('\n') + 1;
        try
        {
            var cursor = new Cursor(Encoding.UTF8.GetBytes(text), firstLine);
            cursor.Read();
            DocumentNode value = ReadValue(ref cursor, 0);
            cursor.Read();
            return value is ScalarNode { IsNull: true } ? null : new(value.Line, value) { FirstLine = firstLine, Text = text };
        }
        catch (DocumentFormatException e)
        {
            return Failed(e.Message, e.Line);
        }
        catch (JsonException e)
        {
            // Users have no reader whose options they could change.
            string reason = e.Message.Split(" LineNumber:")[0].Replace(" which is not supported in this mode. Change the reader options.", ".", StringComparison.Ordinal);
            return Failed($"not valid JSON: {reason}", (int)Math.Clamp((e.LineNumber ?? 0) + 1, 1, lastLine) + firstLine - 1);
        }
        catch (Exception e) when (e is InvalidOperationException or EncoderFallbackException)
        {
            // Half of a surrogate pair, escaped or not.
            return Failed($"not valid JSON: {e.Message}", firstLine);
        }

        SourceDocument Failed(string error, int line) => new(firstLine, null, error, line) { FirstLine = firstLine, Text = text };
    }

    private static DocumentNode ReadValue(ref Cursor cursor, int depth)
    {
        int line = cursor.Line;
        if (depth > DocumentRules.MaxDepth) throw new DocumentFormatException(line, DocumentRules.TooDeep);
        switch (cursor.Reader.TokenType)
        {
            case JsonTokenType.StartObject:
                return new MapNode(line, ReadEntries(ref cursor, depth));
            case JsonTokenType.StartArray:
                var items = new List<DocumentNode>();
                while (cursor.Read() && cursor.Reader.TokenType != JsonTokenType.EndArray) items.Add(ReadValue(ref cursor, depth + 1));
                return new ListNode(line, items);
            case JsonTokenType.String:
                return new ScalarNode(line, cursor.Reader.GetString()!, ScalarKind.String);
            case JsonTokenType.Number:
                return new ScalarNode(line, Encoding.UTF8.GetString(cursor.Reader.ValueSpan), ScalarKind.Number);
            case JsonTokenType.True or JsonTokenType.False:
                return new ScalarNode(line, cursor.Reader.GetBoolean() ? "true" : "false", ScalarKind.Boolean);
            default:
                return new ScalarNode(line, "null", ScalarKind.Null);
        }
    }

    private static List<MapNode.Entry> ReadEntries(ref Cursor cursor, int depth)
    {
        var entries = new List<MapNode.Entry>();
        var seen = new HashSet<string>(StringComparer.Ordinal);
        while (cursor.Read() && cursor.Reader.TokenType != JsonTokenType.EndObject)
        {
            (string key, int line) = (cursor.Reader.GetString()!, cursor.Line);
            if (!seen.Add(key)) throw new DocumentFormatException(line, DocumentRules.Twice(key));
            cursor.Read();
            entries.Add(new(key, line, ReadValue(ref cursor, depth + 1)));
        }
        return entries;
    }

    /// <summary>The reader of the runtime, and the line of the token it stands on.</summary>
    private ref struct Cursor(ReadOnlySpan<byte> json, int firstLine)
    {
        private readonly ReadOnlySpan<byte> _json = json;
        private int _counted;

        public Utf8JsonReader Reader = new(json, Options);

        public int Line { get; private set; } = firstLine;

        /// <exception cref="JsonException">What follows is not JSON, or the text ends too early.</exception>
        public bool Read()
        {
            bool more = Reader.Read();
            int at = more ? (int)Reader.TokenStartIndex : _json.Length;
            Line += _json[_counted..at].Count((byte)'\n');
            _counted = at;
            return more;
        }
    }
}
