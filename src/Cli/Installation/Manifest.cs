using System.Globalization;
using System.Text.Json;
using YamlDotNet.Core;
using YamlDotNet.RepresentationModel;

namespace Culvert.Cli.Installation;

/// <summary>An object as a file of <c>deploy</c> has it. It can be changed, and is not safe for use by more than one thread.</summary>
internal sealed class Manifest
{
    private readonly YamlMappingNode _root;

    private Manifest(YamlMappingNode root) => _root = root;

    public string ApiVersion => Text("apiVersion");

    public string Kind => Text("kind");

    public string Name => Text("metadata/name");

    /// <summary>Empty for objects of the cluster.</summary>
    public string Namespace => Find("metadata/namespace") is YamlScalarNode { Value: { } name } ? name : "";

    /// <summary>For people.</summary>
    public override string ToString() => Namespace.Length == 0 ? $"{Kind} {Name}" : $"{Kind} {Namespace}/{Name}";

    /// <summary>Reads the documents of a file.</summary>
    public static IEnumerable<Manifest> Read(string text)
    {
        var stream = new YamlStream();
        stream.Load(new StringReader(text));
        return stream.Documents.Select(d => new Manifest((YamlMappingNode)d.RootNode));
    }

    /// <summary>What is at a path, e.g. <c>spec/template</c> or <c>spec/ports/0</c>; null when there is nothing.</summary>
    public YamlNode? Find(string path)
    {
        YamlNode? at = _root;
        foreach (var segment in path.Split('/')) at = Below(at, segment);
        return at;
    }

    /// <summary>Puts a value where there is one, or none yet; in a list, in place of the one of that number.</summary>
    /// <exception cref="InvalidOperationException">There is nothing that it could be in.</exception>
    public void Set(string path, YamlNode value)
    {
        switch (Parent(path, out var last))
        {
            case YamlMappingNode map:
                map.Children[new YamlScalarNode(last)] = value;
                break;
            case YamlSequenceNode list:
                list.Children[int.Parse(last, CultureInfo.InvariantCulture)] = value;
                break;
            default:
                throw new InvalidOperationException($"{this} has nothing that {path} could be in");
        }
    }

    /// <inheritdoc cref="Set(string, YamlNode)"/>
    public void Set(string path, string value) => Set(path, new YamlScalarNode(value) { Style = ScalarStyle.DoubleQuoted });

    /// <summary>Takes away a key of a map.</summary>
    /// <exception cref="InvalidOperationException">There is none.</exception>
    public void Remove(string path)
    {
        if (Parent(path, out var last) is not YamlMappingNode map || !map.Children.Remove(new YamlScalarNode(last))) throw new InvalidOperationException($"{this} has no {path}");
    }

    /// <summary>Takes away a key wherever it is.</summary>
    public void RemoveEverywhere(string key)
    {
        foreach (var map in _root.AllNodes.OfType<YamlMappingNode>().ToArray()) map.Children.Remove(new YamlScalarNode(key));
    }

    /// <summary>The object as JSON.</summary>
    public byte[] ToJson()
    {
        using var stream = new MemoryStream();
        using (var writer = new Utf8JsonWriter(stream)) Write(writer, _root);
        return stream.ToArray();
    }

    /// <summary>Writes the object as a document of YAML, with the line that begins it. Comments of its file are not in it.</summary>
    public void Write(TextWriter output)
    {
        using var text = new StringWriter(CultureInfo.InvariantCulture) { NewLine = "\n" };
        new YamlStream(new YamlDocument(_root)).Save(text, assignAnchors: false);
        output.Write("---\n");
        output.Write(text.ToString().Replace("\n...\n", "\n", StringComparison.Ordinal));
    }

    private string Text(string path) => Find(path) is YamlScalarNode { Value: { } value } ? value : throw new InvalidOperationException($"a file of deploy has an object without {path}");

    private YamlNode? Parent(string path, out string last)
    {
        var end = path.LastIndexOf('/');
        last = path[(end + 1)..];
        return end < 0 ? _root : Find(path[..end]);
    }

    private static YamlNode? Below(YamlNode? node, string segment) => node switch
    {
        YamlMappingNode map => map.Children.TryGetValue(new YamlScalarNode(segment), out var child) ? child : null,
        YamlSequenceNode list => int.TryParse(segment, NumberStyles.None, CultureInfo.InvariantCulture, out var index) && index < list.Children.Count ? list.Children[index] : null,
        _ => null,
    };

    private static void Write(Utf8JsonWriter writer, YamlNode node)
    {
        switch (node)
        {
            case YamlMappingNode map:
                writer.WriteStartObject();
                foreach (var (key, value) in map.Children)
                {
                    writer.WritePropertyName(((YamlScalarNode)key).Value!);
                    Write(writer, value);
                }

                writer.WriteEndObject();
                break;
            case YamlSequenceNode list:
                writer.WriteStartArray();
                foreach (var item in list.Children) Write(writer, item);
                writer.WriteEndArray();
                break;
            case YamlScalarNode scalar:
                WriteScalar(writer, scalar);
                break;
            default:
                throw new InvalidOperationException($"a file of deploy has what can't be written as JSON: {node}");
        }
    }

    private static void WriteScalar(Utf8JsonWriter writer, YamlScalarNode scalar)
    {
        var text = scalar.Value ?? "";
        var isPlain = scalar.Style is ScalarStyle.Plain or ScalarStyle.Any;
        if (isPlain && text is ("true" or "false")) writer.WriteBooleanValue(text == "true");
        else if (isPlain && text is ("" or "null" or "~")) writer.WriteNullValue();
        else if (isPlain && long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number)) writer.WriteNumberValue(number);
        else if (isPlain && double.TryParse(text, NumberStyles.AllowLeadingSign | NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var fraction)) writer.WriteNumberValue(fraction);
        else writer.WriteStringValue(text);
    }
}
