using System.Collections.Concurrent;
using System.Globalization;
using System.Text.RegularExpressions;
using Culvert.Controller.Documents;
using Culvert.Controller.Schema;

namespace Culvert.Controller.CustomResources;

/// <summary>
/// Holds a document against its schema, so that a folder refuses what an API server would. The readers have looked before and say better what is wrong: a field that they have refused is not told
/// again. Fields that are not known, and rules over several fields (<see cref="SchemaNode.Rules"/>), are the readers' own. Thread-safe.
/// </summary>
internal static class SchemaCheck
{
    private static readonly ConcurrentDictionary<string, Regex> Patterns = new(StringComparer.Ordinal);

    /// <summary>Adds what is wrong.</summary>
    /// <param name="schema">What may stand there.</param>
    /// <param name="value">What stands there.</param>
    /// <param name="path">Where it is.</param>
    /// <param name="errors">What is wrong so far, and gets more.</param>
    public static void Check(SchemaNode schema, DocumentNode value, string path, ErrorSink errors)
    {
        string? wrong = value switch
        {
            MapNode map when schema.Type == SchemaType.Object => CheckFields(schema, map, path, errors),
            MapNode map when schema.Type == SchemaType.Map => CheckEntries(schema, map, path, errors),
            ListNode list when schema.Type == SchemaType.List => CheckItems(schema, list, path, errors),
            ScalarNode scalar => CheckScalar(schema, scalar),
            _ => $"must be {Describe(schema.Type)}, not {value.Describe()}",
        };
        if (wrong is not null) errors.AddUnlessToldAt(value.Line, path, wrong);
    }

    private static string? CheckFields(SchemaNode schema, MapNode map, string path, ErrorSink errors)
    {
        foreach (MapNode.Entry entry in map.Entries)
        {
            string name = $"{path}.{entry.Key}";
            if (schema.Fields.FirstOrDefault(f => f.Name == entry.Key) is { } known) Check(known.Schema, entry.Value, name, errors);
        }
        foreach (SchemaField field in schema.Fields.Where(f => f.IsRequired && map.Find(f.Name) is null)) errors.AddUnlessToldAt(map.Line, $"{path}.{field.Name}", "is required");
        return Count(schema, map.Entries.Count, "field");
    }

    private static string? CheckEntries(SchemaNode schema, MapNode map, string path, ErrorSink errors)
    {
        foreach (MapNode.Entry entry in map.Entries) Check(schema.Items!, entry.Value, $"{path}.{entry.Key}", errors);
        return Count(schema, map.Entries.Count, "entry", "entries");
    }

    private static string? CheckItems(SchemaNode schema, ListNode list, string path, ErrorSink errors)
    {
        HashSet<string> seen = new(StringComparer.Ordinal);
        for (int i = 0; i < list.Items.Count; i++)
        {
            string name = string.Create(CultureInfo.InvariantCulture, $"{path}[{i}]");
            Check(schema.Items!, list.Items[i], name, errors);
            if (IdentityOf(schema, list.Items[i]) is { } identity && !seen.Add(identity)) errors.AddUnlessToldAt(list.Items[i].Line, name, $"{identity} is there twice");
        }
        return Count(schema, list.Items.Count, "entry", "entries");
    }

    private static string? IdentityOf(SchemaNode schema, DocumentNode item) => schema.ListType switch
    {
        SchemaListType.Set => (item as ScalarNode)?.Text,
        SchemaListType.Map when item is MapNode map => string.Join(' ', schema.ListKeys.Select(k => (map.Find(k) as ScalarNode)?.Text)),
        _ => null,
    };

    private static string? CheckScalar(SchemaNode schema, ScalarNode scalar)
    {
        bool isNumber = scalar.AsNumber() is not null;
        bool fits = schema.Type switch
        {
            SchemaType.Text => scalar.IsString,
            SchemaType.Boolean => scalar.AsBool() is not null,
            SchemaType.Integer => scalar.AsInteger() is not null,
            SchemaType.Number => isNumber,
            SchemaType.IntegerOrText => scalar.IsString || scalar.AsInteger() is not null,
            _ => false,
        };
        if (!fits) return $"must be {Describe(schema.Type)}, not {scalar.Describe()}";
        if (isNumber)
        {
            double number = scalar.AsNumber()!.Value;
            return number < schema.Minimum || number > schema.Maximum ? string.Create(CultureInfo.InvariantCulture, $"{scalar.Text} is not within {schema.Minimum}..{schema.Maximum}") : null;
        }
        if (!scalar.IsString) return null;
        if (!schema.OneOf.IsEmpty && !schema.OneOf.Contains(scalar.Text, StringComparer.Ordinal)) return $"'{scalar.Text}' is not one of {string.Join(", ", schema.OneOf)}";
        if (scalar.Text.EnumerateRunes().Count() > schema.Most) return string.Create(CultureInfo.InvariantCulture, $"is longer than {schema.Most} characters");
        return schema.Pattern is { } pattern && !Patterns.GetOrAdd(pattern, Compile).IsMatch(scalar.Text) ? $"'{scalar.Text}' is not of the form {pattern}" : null;
    }

    // An API server's '$' is the end of the text, .NET's may stand before a line's. Without backtracking no text takes long.
    private static Regex Compile(string pattern) => new(pattern[..^1] + @"\z", RegexOptions.CultureInvariant | RegexOptions.NonBacktracking, Regex.InfiniteMatchTimeout);

    private static string? Count(SchemaNode schema, int count, string one, string? many = null) =>
        count < schema.Least ? string.Create(CultureInfo.InvariantCulture, $"must hold at least {schema.Least} {one}")
        : count > schema.Most ? string.Create(CultureInfo.InvariantCulture, $"holds {count} {many ?? one + "s"}; at most {schema.Most} are allowed")
        : null;

    private static string Describe(SchemaType type) => type switch
    {
        SchemaType.Object or SchemaType.Map => "a mapping",
        SchemaType.List => "a list",
        SchemaType.Text => "a string",
        SchemaType.Integer => "a whole number",
        SchemaType.Number => "a number",
        SchemaType.Boolean => "true or false",
        _ => "a whole number or a string",
    };
}
