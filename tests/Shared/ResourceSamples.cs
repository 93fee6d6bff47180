using System.Globalization;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Culvert.Controller.CustomResources;
using Culvert.Controller.Documents;

namespace Culvert.Tests.Shared;

/// <summary>Good and bad objects of the custom kinds: those that the schemas themselves tell, and a table. Compiled into the tests of the folder source and those with a real API server.</summary>
internal static class ResourceSamples
{
    private const string Unfit = "§ §";

    /// <summary>The example of a kind's reference, in which every field has a value; of alternatives one has.</summary>
    internal static JsonObject Example(CustomResource resource) => Parse(resource.Example);

    /// <summary>YAML as JSON.</summary>
    internal static JsonObject Parse(string yaml) => (JsonObject)Json(DocumentReader.Read("a.yaml", yaml)[0].Value!)!;

    /// <summary>All samples of a kind.</summary>
    internal static IEnumerable<ResourceSample> Of(CustomResource resource) =>
    [
        new("its example", Example(resource), true),
        .. Mutate(resource.Spec, ["spec"], isRequired: true, Example(resource)),
        .. ResourceTable.Of(resource.Kind),
    ];

    /// <summary>Every place of the example, with its schema.</summary>
    internal static IEnumerable<(object[] Path, SchemaNode Schema)> Places(CustomResource resource) => Places(resource.Spec, ["spec"], Example(resource));

    /// <summary>The value at a path; null where there is none.</summary>
    internal static JsonNode? At(JsonObject document, IEnumerable<object> path) =>
        path.Aggregate((JsonNode?)document, (node, step) => node is null ? null : step is int index ? ((JsonArray)node)[index] : ((JsonObject)node)[(string)step]);

    /// <summary>A copy with another value at a path; <see langword="null"/> as the value's function takes the field away.</summary>
    internal static JsonObject With(JsonObject document, object[] path, Func<JsonNode?>? value)
    {
        var copy = (JsonObject)document.DeepClone();
        JsonNode parent = At(copy, path[..^1])!;
        if (value is null) ((JsonObject)parent).Remove((string)path[^1]);
        else if (path[^1] is int index) ((JsonArray)parent)[index] = value();
        else ((JsonObject)parent)[(string)path[^1]] = value();
        return copy;
    }

    internal static string Text(IEnumerable<object> path) => string.Concat(path.Select((s, i) => s is int ? $"[{s}]" : i == 0 ? s : $".{s}"));

    private static IEnumerable<(object[] Path, SchemaNode Schema)> Places(SchemaNode schema, object[] path, JsonObject document)
    {
        yield return (path, schema);
        JsonNode? here = At(document, path);
        IEnumerable<(object Step, SchemaNode Schema)> below = schema.Type switch
        {
            SchemaType.Object => schema.Fields.Where(f => here![f.Name] is not null).Select(f => ((object)f.Name, f.Schema)),
            SchemaType.List => Enumerable.Range(0, ((JsonArray)here!).Count).Select(i => ((object)i, schema.Items!)),
            SchemaType.Map => ((JsonObject)here!).Select(e => ((object)e.Key, schema.Items!)),
            _ => [],
        };
        foreach ((object step, SchemaNode next) in below)
        {
            foreach ((object[], SchemaNode) place in Places(next, [.. path, step], document)) yield return place;
        }
    }

    private static IEnumerable<ResourceSample> Mutate(SchemaNode schema, object[] path, bool isRequired, JsonObject document, bool isAlternative = false)
    {
        foreach (ResourceSample sample in MutateValue(schema, path, isRequired, document, isAlternative)) yield return sample;
        JsonNode? here = At(document, path);
        if (schema.Type == SchemaType.Object)
        {
            foreach (SchemaField field in schema.Fields.Where(f => here![f.Name] is not null))
            {
                foreach (ResourceSample sample in Mutate(field.Schema, [.. path, field.Name], field.IsRequired, document, field.IsAlternative)) yield return sample;
            }
        }
        else if (schema.Type == SchemaType.List)
        {
            // Entries of one value each say the same.
            int count = schema.Items!.Type == SchemaType.Object ? ((JsonArray)here!).Count : 1;
            foreach (ResourceSample sample in Enumerable.Range(0, count).SelectMany(i => Mutate(schema.Items, [.. path, i], isRequired: false, document))) yield return sample;
        }
        else if (schema.Type == SchemaType.Map)
        {
            foreach (ResourceSample sample in Mutate(schema.Items!, [.. path, ((JsonObject)here!).First().Key], isRequired: false, document)) yield return sample;
        }
    }

    private static IEnumerable<ResourceSample> MutateValue(SchemaNode schema, object[] path, bool isRequired, JsonObject document, bool isAlternative)
    {
        string name = Text(path);
        JsonNode here = At(document, path)!;
        ResourceSample Bad(string what, Func<JsonNode?> value) => new($"{name}: {what}", With(document, path, value), false);
        ResourceSample Good(string what, Func<JsonNode?>? value) => new($"{name}: {what}", With(document, path, value), true);
        if (isRequired) yield return new($"{name}: left out", With(document, path, null), false);
        else if (path[^1] is string && path.Length > 1 && !isAlternative && !IsAloneWithLeast(document, path)) yield return Good("left out", null);

        // A definition lets it pass, but for one of some words, so that the webhook sees it: the server would drop the field otherwise.
        yield return Bad("null", () => null) with { IsForStatusOnly = !isRequired && path[^1] is string && schema.OneOf.IsEmpty };
        yield return Bad("of another type", () => schema.Type is SchemaType.Text ? new JsonArray(1) : schema.Type is SchemaType.Object or SchemaType.Map or SchemaType.List ? JsonValue.Create("text") : new JsonObject());
        foreach (string word in schema.OneOf) yield return Good($"'{word}'", () => word);
        if (!schema.OneOf.IsEmpty)
        {
            yield return Bad("no word of it", () => "nonsense");
            if (schema.OneOf[0].Length > 0 && char.IsUpper(schema.OneOf[0][0])) yield return Bad("in lower case", () => schema.OneOf[0].ToLowerInvariant());
        }
        if (schema.Pattern is { } pattern)
        {
            if (!Regex.IsMatch(Unfit, pattern)) yield return Bad("of another form", () => Unfit);
            yield return Bad("a line break behind it", () => here.ToString() + "\n");
        }
        if (schema is { Type: SchemaType.Text, Most: { } most, OneOf.IsEmpty: true }) yield return Bad("too long", () => new string('a', most + 1));
        if (schema.Minimum is { } minimum)
        {
            yield return Bad("below the least", () => JsonNode.Parse((minimum - 1).ToString(CultureInfo.InvariantCulture)));
            yield return Good("the least", () => JsonNode.Parse(minimum.ToString(CultureInfo.InvariantCulture)));
        }
        if (schema.Maximum is { } maximum)
        {
            yield return Bad("above the most", () => JsonNode.Parse((maximum + 1).ToString(CultureInfo.InvariantCulture)));
            yield return Good("the most", () => JsonNode.Parse(maximum.ToString(CultureInfo.InvariantCulture)));
        }
        if (schema.Type == SchemaType.Object && schema.Least > 0) yield return Bad("empty", () => new JsonObject());
        if (schema.Type == SchemaType.List)
        {
            JsonNode first = ((JsonArray)here)[0]!;
            if (schema.Least > 0) yield return Bad("empty", () => new JsonArray());
            if (schema.Most is { } entries) yield return Bad("too many", () => new JsonArray([.. Enumerable.Range(0, entries + 1).Select(_ => first.DeepClone())]));
            if (schema.ListType != SchemaListType.Atomic) yield return Bad("one twice", () => new JsonArray(first.DeepClone(), first.DeepClone()));
        }
        if (schema is { Type: SchemaType.Map, Most: { } labels })
            yield return Bad("too many", () => new JsonObject(Enumerable.Range(0, labels + 1).Select(i => KeyValuePair.Create(string.Create(CultureInfo.InvariantCulture, $"a{i}"), (JsonNode?)"b"))));
    }

    // The field around it would say nothing any more.
    private static bool IsAloneWithLeast(JsonObject document, object[] path) => At(document, path[..^1]) is JsonObject { Count: 1 };

    private static JsonNode? Json(DocumentNode node) => node switch
    {
        MapNode map => new JsonObject(map.Entries.Select(e => KeyValuePair.Create(e.Key, Json(e.Value)))),
        ListNode list => new JsonArray([.. list.Items.Select(Json)]),
        ScalarNode { IsNull: true } => null,
        ScalarNode scalar when scalar.AsBool() is { } flag => flag,
        ScalarNode scalar when scalar.AsInteger() is { } number => number,
        ScalarNode scalar when scalar.AsNumber() is { } number => number,
        _ => ((ScalarNode)node).Text,
    };
}
