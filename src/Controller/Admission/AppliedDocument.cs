using System.Text;
using System.Text.Json;
using Culvert.Controller.Documents;
using Culvert.Controller.Schema;

namespace Culvert.Controller.Admission;

/// <summary>
/// What <c>kubectl apply</c> was given, which it keeps in an annotation. It leaves out fields without a value before the server sees the object, and where it is told not to look for those that are misspelt (<c>--validate</c>)
/// the server leaves them out, so that of <c>from:</c> with nothing below it, as of <c>form:</c>, a rule for every source is left. Pure.
/// </summary>
internal static class AppliedDocument
{
    private const string Annotation = "kubectl.kubernetes.io/last-applied-configuration";
    private const int MostFaults = 20;
    private static readonly string[] KindFields = ["apiVersion", "kind"];

    /// <summary>The fields of its specification that have no value or are none, as errors; none where it is what was there before, or nobody's that could be read.</summary>
    /// <param name="item">The object as it would be.</param>
    /// <param name="before">The object as it is; not defined where there is none.</param>
    /// <param name="origin">What it is, and where, for the errors.</param>
    /// <param name="read">The errors of an object of its kind.</param>
    public static IReadOnlyList<SourceError> Faults(JsonElement item, JsonElement before, SourceError origin, Func<JsonElement, IReadOnlyList<SourceError>> read)
    {
        try
        {
            if (TextOf(item) is not { } text || text == TextOf(before)) return [];
            using var applied = JsonDocument.Parse(text);
            IEnumerable<SourceError> unknown = IsOfKind(applied.RootElement, item) ? read(applied.RootElement).Where(e => e.Reason.StartsWith(FieldReader.UnknownField, StringComparison.Ordinal)) : [];
            return [.. Nulls(Encoding.UTF8.GetBytes(text)).Select(path => origin with { Field = path, Reason = DocumentRules.NoValue }), .. unknown.Where(e => e.Field.StartsWith("spec.", StringComparison.Ordinal))];
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            return []; // not kubectl's
        }
    }

    private static bool IsOfKind(JsonElement one, JsonElement other) => KindFields.All(field =>
        one.ValueKind == JsonValueKind.Object && one.TryGetProperty(field, out JsonElement a) && other.TryGetProperty(field, out JsonElement b) && JsonElement.DeepEquals(a, b));

    private static List<string> Nulls(ReadOnlySpan<byte> json)
    {
        List<string> found = [];
        List<(string Step, int Index)> open = []; // Index: of the next element of a list; -1 in a mapping
        string name = "";
        Utf8JsonReader reader = new(json);
        while (found.Count < MostFaults && reader.Read())
        {
            switch (reader.TokenType)
            {
                case JsonTokenType.PropertyName:
                    name = reader.GetString()!;
                    continue;
                case JsonTokenType.EndObject or JsonTokenType.EndArray:
                    open.RemoveAt(open.Count - 1);
                    continue;
            }
            string step = StepOfNext(open, name);
            if (reader.TokenType == JsonTokenType.StartObject) open.Add((step, -1));
            else if (reader.TokenType == JsonTokenType.StartArray) open.Add((step, 0));
            else if (reader.TokenType == JsonTokenType.Null && open.Count > 0 && (open.Count == 1 ? step : open[1].Step) == "spec") found.Add(PathOf(open, step));
        }
        return found;
    }

    // Not the whole path: that of each item of a long list below a long key would take the product of two lengths.
    private static string StepOfNext(List<(string Step, int Index)> open, string name)
    {
        if (open.Count == 0) return "";
        (string step, int index) = open[^1];
        if (index < 0) return name;
        open[^1] = (step, index + 1);
        return $"[{index}]";
    }

    private static string PathOf(List<(string Step, int Index)> open, string last)
    {
        StringBuilder path = new();
        foreach (string step in open.Select(o => o.Step).Append(last))
        {
            if (path.Length > 0 && !step.StartsWith('[')) path.Append('.');
            path.Append(step);
        }
        return path.ToString();
    }

    private static string? TextOf(JsonElement item) =>
        item.ValueKind == JsonValueKind.Object && item.TryGetProperty("metadata", out JsonElement meta) && meta.ValueKind == JsonValueKind.Object
        && meta.TryGetProperty("annotations", out JsonElement annotations) && annotations.ValueKind == JsonValueKind.Object
        && annotations.TryGetProperty(Annotation, out JsonElement text) && text.ValueKind == JsonValueKind.String ? text.GetString() : null;
}
