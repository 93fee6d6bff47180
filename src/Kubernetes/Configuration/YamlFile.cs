using YamlDotNet.Core;
using YamlDotNet.Core.Events;

namespace Culvert.Kubernetes.Configuration;

/// <summary>Reads the one document of a kubeconfig, by the parser's events. Aliases, tags and deep nesting are refused: none needs them.</summary>
internal sealed class YamlFile
{
    private const int MaxDepth = 32;

    private readonly string _file;
    private readonly Parser _parser;

    private YamlFile(string file, string text) => (_file, _parser) = (file, new Parser(new StringReader(text)));

    /// <summary>Reads a document.</summary>
    /// <exception cref="ConfigurationException">It is not valid.</exception>
    public static YamlMap Read(string file, string text)
    {
        try
        {
            return new YamlFile(file, text).ReadDocument();
        }
        catch (YamlException e)
        {
            // What is quoted there may be a secret: only the place is told.
            throw new ConfigurationException("not valid YAML", file, (int)Math.Max(1, e.Start.Line), "");
        }
        catch (Exception e) when (e is InvalidOperationException or ArgumentException or IndexOutOfRangeException or NotSupportedException)
        {
            // The parser answers some nonsense with exceptions of other kinds.
            throw new ConfigurationException("not valid YAML", file);
        }
    }

    private YamlMap ReadDocument()
    {
        _parser.Consume<StreamStart>();
        if (_parser.Current is StreamEnd) throw new ConfigurationException("is empty", _file);
        _parser.Consume<DocumentStart>();
        YamlValue value = ReadValue(null, 0);
        _parser.Consume<DocumentEnd>();
        if (_parser.Current is not StreamEnd) throw new ConfigurationException("holds more than one document", _file, Line(_parser.Current!));
        return value as YamlMap ?? throw value.Place.Wrong("a mapping was expected");
    }

    private YamlValue ReadValue(YamlPath? path, int depth)
    {
        ParsingEvent current = _parser.Current ?? throw new ConfigurationException("ends too early", _file);
        var place = new YamlPlace(_file, Line(current), path);
        if (depth > MaxDepth) throw place.Wrong($"nested deeper than {MaxDepth} levels");
        if (current is AnchorAlias || current is NodeEvent { Anchor.IsEmpty: false }) throw place.Wrong("anchors and aliases are not supported");
        if (current is NodeEvent { Tag.IsEmpty: false } node && !node.Tag.IsNonSpecific) throw place.Wrong("tags are not supported");
        switch (current)
        {
            case Scalar scalar:
                _parser.MoveNext();
                return new YamlScalar(place, scalar.Value, scalar.Style is ScalarStyle.Plain);
            case SequenceStart:
                _parser.MoveNext();
                var items = new List<YamlValue>();
                while (_parser.Current is not SequenceEnd) items.Add(ReadValue(new YamlPath(path, items.Count), depth + 1));
                _parser.MoveNext();
                return new YamlList(place, items);
            case MappingStart:
                _parser.MoveNext();
                return new YamlMap(place, ReadEntries(place, depth));
            default:
                throw place.Wrong("a value was expected");
        }
    }

    private Dictionary<string, YamlValue> ReadEntries(YamlPlace place, int depth)
    {
        var entries = new Dictionary<string, YamlValue>(StringComparer.Ordinal);
        while (_parser.Current is not MappingEnd)
        {
            int line = Line(_parser.Current!);
            if (ReadValue(place.Path, depth + 1) is not YamlScalar { IsNull: false } key) throw new YamlPlace(_file, line, place.Path).Wrong("a key must be a string");
            if (entries.ContainsKey(key.Text)) throw place.Below(key.Text, line).Wrong("is there twice");
            entries.Add(key.Text, ReadValue(new YamlPath(place.Path, key.Text), depth + 1));
        }
        _parser.MoveNext();
        return entries;
    }

    private static int Line(ParsingEvent e) => (int)e.Start.Line;
}
