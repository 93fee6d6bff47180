using System.Collections.Immutable;
using Culvert.Controller.Objects;
using Culvert.Core;

namespace Culvert.Controller.Schema;

/// <summary>Reads specs.smi-spec.io HTTPRouteGroup. Before v1alpha3 the matches have no spec around them.</summary>
internal static class HttpRouteGroupReader
{
    private const int MostMatches = 64, MostHeaders = 16, LongestName = 253;

    private const string AnyMethod = "*";

    /// <summary>Reads one.</summary>
    /// <param name="root">The object.</param>
    /// <param name="meta">Its metadata.</param>
    /// <param name="hasSpec">Whether the version has a spec.</param>
    public static HttpRouteGroupObject? Read(FieldReader root, ObjectMeta meta, bool hasSpec)
    {
        if ((hasSpec ? root.Map("spec", required: true) : root) is not { } spec) return null;
        if (!spec.Has("matches")) spec.Fail("matches", "is required");
        FieldReader[] readers = [.. spec.Maps("matches")];
        RequestRouteReader.Limit(spec, "matches", readers.Length, MostMatches);
        HttpRouteGroupObject.Match[] matches = [.. readers.Select(ReadMatch)];
        ExpressionBudget expressions = new();
        for (int i = 0; i < matches.Length; i++)
        {
            expressions.Count(readers[i], matches[i].Headers.Select(h => h.Value).Concat(matches[i].Path is { IsExpression: true } path ? [path.ToWholeExpression()] : []));
            if (Array.FindIndex(matches, m => m.Name == matches[i].Name) < i) readers[i].Fail("name", $"'{matches[i].Name}' is the name of another match of the group, too");
        }
        if (hasSpec) spec.Done();
        return new(meta) { Matches = matches.ToEquatableArray(), ExpressionPositions = expressions.Positions };
    }

    /// <summary>Checks the name of a match.</summary>
    public static string? Name(string text) => text.Length is > 0 and <= LongestName ? null : $"must have 1 to {LongestName} characters";

    private static HttpRouteGroupObject.Match ReadMatch(FieldReader match)
    {
        string name = match.String("name", Name, required: true) ?? "";
        PathPattern? path = null;
        match.String("pathRegex", text =>
        {
            if (!PathPattern.TryParseExpression(text, out PathPattern pattern, out string? error)) return error;
            path = pattern;
            return null;
        });
        EquatableArray<string> methods = match.List<string>("methods", Method, mayBeEmpty: true);
        EquatableArray<RouteField> headers = ReadHeaders(match);
        match.Done();
        return new(name) { Path = path, Methods = methods.Contains(AnyMethod) ? [] : methods.Distinct().ToEquatableArray(), Headers = headers };
    }

    private static EquatableArray<RouteField> ReadHeaders(FieldReader match)
    {
        ImmutableSortedDictionary<string, string> written = match.StringsOfMaps("headers");
        RequestRouteReader.Limit(match, "headers", written.Count, MostHeaders);
        List<RouteField> headers = [];
        foreach ((string name, string value) in written)
        {
            RouteField header = new(name.ToLowerInvariant(), value, IsExpression: true);
            if ((HeaderName(name) ?? HeaderValue(name, value)) is { } error) match.Fail("headers", error);
            else if (headers.Any(h => h.Name == header.Name)) match.Fail("headers", $"'{name}' is there twice");
            else headers.Add(header);
        }
        return headers.ToEquatableArray();
    }

    private static string? Method(string text, out string method)
    {
        method = text;
        return text == AnyMethod ? null : HttpMatchReader.Method(text);
    }

    // A cookie that comes in several lines has to match in each to be allowed, so that nothing is allowed for it.
    private static string? HeaderName(string name) => name.ToLowerInvariant() switch
    {
        "cookie" => null,
        "host" => "'host' can't be compared: requests are told apart by path, method and other headers",
        _ => RequestConditionsReader.HeaderName(name),
    };

    private static string? HeaderValue(string name, string value)
    {
        if (value.AsSpan().ContainsAnyExceptInRange(' ', '~')) return $"'{name}' is not printable ASCII, and values are compared byte by byte";
        return RouteExpression.TryParseForPolicy(value, out _, out string? reason) ? null : $"'{name}' {reason}";
    }
}
