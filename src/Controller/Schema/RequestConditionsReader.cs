using System.Buffers;
using Culvert.Core;

namespace Culvert.Controller.Schema;

/// <summary>Reads the conditions on requests that a destination of an AuthorizationPolicy has.</summary>
internal static class RequestConditionsReader
{
    /// <summary>The fields, besides those about ports.</summary>
    public static readonly string[] Fields = ["methods", "notMethods", "paths", "notPaths", "hosts", "notHosts", "headers", "grpc", "notGrpc"];

    /// <summary>Most characters of the name of a method or header.</summary>
    public const int LongestName = 128;

    /// <summary>What a value counts for among those of a policy (<see cref="AuthorizationPolicyReader.MostValues"/>) and of a namespace.</summary>
    public const int Weight = 16;

    // As many values more: each byte of a text may have to be compared with each of its positions.
    private const int ExpressionWeight = 16;

    /// <summary>Most characters of a host.</summary>
    public const int LongestHost = 253;

    private static readonly SearchValues<char> HostCharacters = SearchValues.Create("-._0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz");

    private static readonly SearchValues<char> AddressCharacters = SearchValues.Create(":.0123456789ABCDEFabcdef");

    /// <summary>Reads them.</summary>
    /// <param name="to">The entry that has them.</param>
    /// <param name="allows">Whether a request that meets them is allowed for it.</param>
    /// <returns>Conditions of which one has to be met; empty where there are none.</returns>
    public static EquatableArray<RequestConditions> Read(FieldReader to, bool allows)
    {
        RequestConditions conditions = new()
        {
            Methods = to.List<string>("methods", Method),
            NotMethods = to.List<string>("notMethods", Method),
            Paths = to.List<PathPattern>("paths", Path),
            NotPaths = to.List<PathPattern>("notPaths", Path),
            Hosts = to.List<StringPattern>("hosts", Host),
            NotHosts = to.List<StringPattern>("notHosts", Host),
            Headers = to.Maps("headers").Select(ReadHeader).OfType<HeaderCondition>().ToEquatableArray(),
        };
        NoteExpression(to, "paths", conditions.Paths.Select(p => p.Text), LooksLikeExpressionOfPaths);
        NoteExpression(to, "notPaths", conditions.NotPaths.Select(p => p.Text), LooksLikeExpressionOfPaths);
        EquatableArray<RequestConditions> all = GrpcConditionsReader.Read(to, conditions, allows);
        return Fields.Any(to.Has) ? all : [];
    }

    // Only what hardly anybody means letter by letter.
    private static bool LooksLikeExpressionOfPaths(string path) => path.EndsWith("/.*", StringComparison.Ordinal) || path.EndsWith(")*", StringComparison.Ordinal) || path[^1] is '$' or '+';

    private static bool LooksLikeExpression(string value) => value.EndsWith(".*", StringComparison.Ordinal) || value.EndsWith('$');

    private static void NoteExpression(FieldReader reader, string field, IEnumerable<string> patterns, Func<string, bool> looksLikeExpression)
    {
        if (patterns.FirstOrDefault(looksLikeExpression) is { } odd) reader.Note(field, $"'{odd}' is compared letter by letter: regular expressions are not taken, and * stands for anything at the end or the start");
    }

    /// <summary>How many values they name, as they count: each request may have to be compared with all of them, and others wait meanwhile.</summary>
    public static int ValuesOf(RequestConditions conditions) => Weight * (
        conditions.Methods.Count + conditions.NotMethods.Count + conditions.Paths.Count + conditions.NotPaths.Count + conditions.Hosts.Count + conditions.NotHosts.Count
        + conditions.Headers.Sum(h => 1 + h.Values.Count + h.NotValues.Count) + (ExpressionWeight * ExpressionsOf(conditions)));

    private static int ExpressionsOf(RequestConditions conditions) => conditions.Paths.Concat(conditions.NotPaths).Count(p => p.IsExpression) + conditions.Headers.Sum(h => h.Expressions.Count);

    private static HeaderCondition? ReadHeader(FieldReader header)
    {
        string? name = header.String("name", HeaderName, required: true);
        EquatableArray<StringPattern> values = header.List<StringPattern>("values", Pattern), notValues = header.List<StringPattern>("notValues", Pattern);
        header.Done();
        NoteExpression(header, "values", values.Select(v => v.Text), LooksLikeExpression);
        NoteExpression(header, "notValues", notValues.Select(v => v.Text), LooksLikeExpression);
        return name is null ? null : new HeaderCondition { Name = name.ToLowerInvariant(), Values = values, NotValues = notValues };
    }

    private static string? Method(string text, out string method)
    {
        method = text;
        if (text == "*") return "'*' is not a method; leave the field out for any";
        if (text.Length > LongestName || !HttpToken.Is(text) || text.AsSpan().IndexOfAny("|*") >= 0) return $"'{text}' is not a method; each is an entry of its own";
        return text.Any(char.IsAsciiLetterLower) ? $"'{text}' is not in capitals, and methods are told apart by that; write {text.ToUpperInvariant()}" : null;
    }

    private static string? Path(string text, out PathPattern pattern) => PathPattern.TryParse(text, out pattern, out string? error) ? null : error;

    private static string? Host(string text, out StringPattern pattern)
    {
        if (!StringPattern.TryParse(text.ToLowerInvariant(), out pattern, out string? error)) return error;
        string name = text.Trim('*');
        if (name.EndsWith('.')) return $"'{text}' ends with a dot; hosts are compared without";
        if (text.Length > LongestHost || (name.Contains(':', StringComparison.Ordinal) && !name.EndsWith(']'))) return $"'{text}' is not a host; the port is no part of it";
        return name.Length == 0 || IsHost(name) ? null : $"'{text}' is not a host";
    }

    /// <summary>What is wrong with the name of a header; null: nothing.</summary>
    public static string? HeaderName(string text)
    {
        if (text.Length > LongestName || !HttpToken.Is(text)) return $"'{text}' is not the name of a header";
        return text.ToLowerInvariant() switch
        {
            "host" => "what is asked for is compared by 'hosts'",
            "cookie" => "'cookie' may come in one line or in several, and can't be compared",
            "expect" or "connection" or "keep-alive" or "proxy-connection" or "te" or "trailer" or "transfer-encoding" or "upgrade" => $"'{text}' is about one connection, and no condition can be made on it",
            _ => null,
        };
    }

    private static string? Pattern(string text, out StringPattern pattern)
    {
        if (!StringPattern.TryParse(text, out pattern, out string? error)) return error;
        if (text.AsSpan().ContainsAnyExceptInRange(' ', '~')) return "is not printable ASCII, and values are compared byte by byte";
        return text.Trim() == text ? null : $"'{text}' matches nothing: values come without blanks around them";
    }

    // An IPv6 address, or the rest of one, stands in brackets.
    private static bool IsHost(string text) => text.EndsWith(']') ? !text.AsSpan(0, text.Length - 1).TrimStart('[').ContainsAnyExcept(AddressCharacters) : !text.AsSpan().ContainsAnyExcept(HostCharacters);
}
