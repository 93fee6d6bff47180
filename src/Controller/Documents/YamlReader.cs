using YamlDotNet.Core;
using YamlDotNet.Core.Events;

namespace Culvert.Controller.Documents;

/// <summary>Reads a file of YAML documents, each for itself, so that a broken one takes no other down.</summary>
/// <remarks>Anchors, aliases, tags and deep nesting are refused: objects never need them and they make small files expensive.</remarks>
internal static class YamlReader
{
    /// <summary>Reads all documents that are not empty.</summary>
    /// <exception cref="DocumentFormatException">There are more than <paramref name="most"/>, empty ones counted; none was read.</exception>
    public static IReadOnlyList<SourceDocument> Read(string text, int most = int.MaxValue)
    {
        var documents = new List<SourceDocument>();
        foreach ((int firstLine, string chunk) in Split(text, most))
        {
            if (ReadOne(firstLine, chunk) is { } document) documents.Add(document);
        }
        return documents;
    }

    /// <summary>Cuts at lines that begin with <c>---</c>; no other construct may begin a line so.</summary>
    private static List<(int FirstLine, string Text)> Split(string text, int most)
    {
        string lines = text.ReplaceLineEndings("\n");
        var chunks = new List<(int, string)>();
        int begin = 0, firstLine = 1, separators = 0;
        for (int at = 0, line = 1; at >= 0; line++)
        {
            int end = lines.IndexOf('\n', at);
            if (IsSeparator(lines.AsSpan(at, (end < 0 ? lines.Length : end) - at)))
            {
                if (++separators > most) throw new DocumentFormatException(line, $"holds more than {most} objects; split it");
                if (at > begin)
                {
                    chunks.Add((firstLine, lines[begin..(at - 1)]));
                    (begin, firstLine) = (at, line);
                }
            }
            at = end < 0 ? -1 : end + 1;
        }
        chunks.Add((firstLine, lines[begin..]));
        return chunks;
    }

    private static bool IsSeparator(ReadOnlySpan<char> line) => line.StartsWith("---") && (line.Length == 3 || line[3] is ' ' or '\t');

    /// <summary>Reads one document whose text begins on <paramref name="firstLine"/> of its file; null when it is empty.</summary>
    public static SourceDocument? ReadOne(int firstLine, string text)
    {
        int offset = firstLine - 1;
        var parser = new Parser(new StringReader(text));
        try
        {
            parser.Consume<StreamStart>();
            if (parser.Current is StreamEnd || !TryTake<DocumentStart>(parser)) return null;
            DocumentNode value = ReadValue(parser, offset, 0);
            parser.Consume<DocumentEnd>();
            if (parser.Current is not StreamEnd) throw new DocumentFormatException(Line(parser.Current!), "there is text after the end of the document");
            return value is ScalarNode { IsNull: true } ? null : new(value.Line, value) { FirstLine = firstLine, Text = text };
        }
        catch (DocumentFormatException e)
        {
            return new(firstLine, null, e.Message, Math.Min(e.Line, LastLine(text)) + offset) { FirstLine = firstLine, Text = text };
        }
        catch (YamlException e)
        {
            int line = (int)Math.Clamp(e.Start.Line, 1, LastLine(text));
            return TabAfter(line, text) is { } tab
                ? new(firstLine, null, "not valid YAML: a tab at the beginning of a line; indent by spaces", tab + offset) { FirstLine = firstLine, Text = text }
                : new(firstLine, null, $"not valid YAML: {e.InnerException?.Message ?? e.Message}", line + offset) { FirstLine = firstLine, Text = text };
        }
        catch (Exception e) when (e is InvalidOperationException or ArgumentException or IndexOutOfRangeException or NotSupportedException)
        {
            // The parser answers some nonsense with exceptions of other kinds, whose words are of its own code; fuzzing finds them.
            int line = Math.Clamp(parser.Current is { } last ? Line(last) : 1, 1, LastLine(text));
            return new(firstLine, null, "not valid YAML: what follows can't be told; is a '{', a '[' or a quotation mark not closed?", line + offset) { FirstLine = firstLine, Text = text };
        }
    }

    /// <summary>The last line of a text that has something on it: what the parser misses at the end it misses behind it, on a line that no editor shows.</summary>
    private static int LastLine(string text) => text.AsSpan().TrimEnd().Count('\n') + 1;

    /// <summary>
    /// The line that is indented by a tab, where the parser failed at it or, as it does, told of the line on which the block around it begins: then all before the tab is
    /// right. Null: the failure is another.
    /// </summary>
    private static int? TabAfter(int line, string text)
    {
        string[] lines = text.Split('\n');
        int tab = Array.FindIndex(lines, l => l.TrimStart(' ').StartsWith('\t') && !string.IsNullOrWhiteSpace(l)) + 1;
        if (tab == 0 || tab < line) return null;
        return tab == line || ReadOne(1, string.Join('\n', lines[..(tab - 1)])) is not { Error: not null } ? tab : null;
    }

    private static DocumentNode ReadValue(Parser parser, int offset, int depth)
    {
        ParsingEvent current = parser.Current ?? throw new DocumentFormatException(1, "the document ends too early");
        int line = Line(current);
        if (depth > DocumentRules.MaxDepth) throw new DocumentFormatException(line, DocumentRules.TooDeep);
        if (current is AnchorAlias || current is NodeEvent { Anchor.IsEmpty: false }) throw new DocumentFormatException(line, "anchors and aliases are not supported");
        if (current is NodeEvent { Tag.IsEmpty: false } node && !node.Tag.IsNonSpecific) throw new DocumentFormatException(line, "tags are not supported");
        switch (current)
        {
            case Scalar scalar:
                parser.MoveNext();
                return new ScalarNode(line + offset, scalar.Value, scalar.Style is ScalarStyle.Plain ? YamlScalars.KindOf(scalar.Value) : ScalarKind.String);
            case SequenceStart:
                parser.MoveNext();
                var items = new List<DocumentNode>();
                while (!TryTake<SequenceEnd>(parser)) items.Add(ReadValue(parser, offset, depth + 1));
                return new ListNode(line + offset, items);
            case MappingStart:
                parser.MoveNext();
                return new MapNode(line + offset, ReadEntries(parser, offset, depth));
            default:
                throw new DocumentFormatException(line, "a value was expected");
        }
    }

    private static List<MapNode.Entry> ReadEntries(Parser parser, int offset, int depth)
    {
        var entries = new List<MapNode.Entry>();
        var seen = new HashSet<string>(StringComparer.Ordinal);
        while (!TryTake<MappingEnd>(parser))
        {
            DocumentNode key = ReadValue(parser, 0, depth + 1);
            if (key is not ScalarNode { IsNull: false } name) throw new DocumentFormatException(key.Line, "a key must be a string");
            if (!seen.Add(name.Text)) throw new DocumentFormatException(key.Line, DocumentRules.Twice(name.Text));
            entries.Add(new(name.Text, key.Line + offset, ReadValue(parser, offset, depth + 1)));
        }
        return entries;
    }

    private static bool TryTake<T>(Parser parser)
        where T : ParsingEvent
    {
        if (parser.Current is not T) return false;
        parser.MoveNext();
        return true;
    }

    private static int Line(ParsingEvent e) => (int)e.Start.Line;
}
