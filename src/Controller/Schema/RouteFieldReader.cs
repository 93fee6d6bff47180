using Culvert.Core;

namespace Culvert.Controller.Schema;

/// <summary>Reads what a match of a route asks of headers and of parameters of the query.</summary>
internal static class RouteFieldReader
{
    private const int Most = 16, LongestHeaderValue = 4096, LongestParameterValue = 1024;

    /// <summary>Headers, by names in lower case.</summary>
    public static EquatableArray<RouteField> Headers(FieldReader match) => Read(match, "headers", name => name.ToLowerInvariant(), LongestHeaderValue);

    /// <summary>Parameters of the query.</summary>
    public static EquatableArray<RouteField> QueryParameters(FieldReader match) => Read(match, "queryParams", name => name, LongestParameterValue);

    /// <summary>Whether a value is an expression, as its <c>type</c> says.</summary>
    public static bool IsExpression(FieldReader field)
    {
        string type = field.String("type") ?? "Exact";
        if (type is not ("Exact" or "RegularExpression")) field.Fail("type", $"'{type}' is not one of Exact, RegularExpression");
        return type == "RegularExpression";
    }

    /// <summary>Checks an expression.</summary>
    public static string? Expression(string text) => RouteExpression.TryMeasure(text, out _, out string? reason) ? null : reason;

    private static EquatableArray<RouteField> Read(FieldReader match, string list, Func<string, string> normal, int longestValue)
    {
        FieldReader[] readers = [.. match.Maps(list, mayBeEmpty: true)];
        RequestRouteReader.Limit(match, list, readers.Length, Most);
        List<RouteField> fields = [];
        foreach (FieldReader reader in readers)
        {
            bool isExpression = IsExpression(reader);
            string? name = reader.String("name", RouteHeaders.Name, required: true), value = reader.String("value", text => isExpression ? Expression(text) : Value(text, longestValue), required: true);
            reader.Done();
            if (name is null || value is null) continue;
            RouteField field = new(normal(name), value, isExpression);
            if (fields.Any(f => f.Name == field.Name)) reader.Note("name", RouteHeaders.Twice(name));
            else fields.Add(field);
        }
        return fields.ToEquatableArray();
    }

    private static string? Value(string text, int longest) => text.Length == 0 ? "is empty" : text.Length > longest ? $"is longer than {longest} characters" : null;
}
