using Culvert.Core;

namespace Culvert.Controller.Schema;

/// <summary>Reads the conditions on tokens of requests that a rule of an AuthorizationPolicy has: <c>requestPrincipals</c> of sources, and <c>when</c>.</summary>
internal static class ClaimConditionReader
{
    /// <summary>Most conditions of a rule.</summary>
    public const int MostConditions = 32;

    /// <summary>Most characters of a key.</summary>
    public const int LongestKey = 512;

    private const string Prefix = "request.auth.", ClaimsPrefix = "request.auth.claims";

    /// <summary>Reads those of a source; null when there are none.</summary>
    public static TokenConditions? Read(FieldReader from)
    {
        TokenConditions conditions = new() { Principals = from.List<StringPattern>("requestPrincipals", Pattern), NotPrincipals = from.List<StringPattern>("notRequestPrincipals", Pattern) };
        return from.Has("requestPrincipals") || from.Has("notRequestPrincipals") ? conditions : null;
    }

    /// <summary>Reads those of a rule.</summary>
    public static EquatableArray<ClaimCondition> ReadWhen(FieldReader rule)
    {
        FieldReader[] readers = [.. rule.Maps("when")];
        RequestRouteReader.Limit(rule, "when", readers.Length, MostConditions);
        return readers.Select(ReadCondition).OfType<ClaimCondition>().ToEquatableArray();
    }

    /// <summary>How many values they name, as they count.</summary>
    public static int ValuesOf(PolicyRule rule) => RequestConditionsReader.Weight * (
        rule.When.Sum(c => 1 + c.Values.Count + c.NotValues.Count) + rule.From.Sum(s => s.Token is { } token ? token.Principals.Count + token.NotPrincipals.Count : 0));

    private static ClaimCondition? ReadCondition(FieldReader when)
    {
        EquatableArray<string>? path = when.Parsed<EquatableArray<string>?>("key", Key, required: true);
        EquatableArray<StringPattern> values = when.List<StringPattern>("values", Pattern), notValues = when.List<StringPattern>("notValues", Pattern);
        when.Done();
        if (!when.Has("values") && !when.Has("notValues")) when.Fail("", "has neither values nor notValues; for any value of a claim write 'values: [\"*\"]'");
        return path is { } known ? new ClaimCondition { Path = known, Values = values, NotValues = notValues } : null;
    }

    private static string? Key(string text, out EquatableArray<string>? path)
    {
        path = text switch
        {
            "request.auth.principal" => [],
            "request.auth.audiences" => ["aud"],
            "request.auth.presenter" => ["azp"],
            _ => text.Length <= LongestKey && text.StartsWith(ClaimsPrefix + "[", StringComparison.Ordinal) && text[^1] == ']' ? text[(ClaimsPrefix.Length + 1)..^1].Split("][").ToEquatableArray() : null,
        };
        if (path is { } known && known.Items.All(n => n.Length > 0 && n.AsSpan().IndexOfAny('[', ']') < 0)) return null;
        path = null;
        return text.StartsWith(Prefix, StringComparison.Ordinal)
            ? $"'{text}' is not request.auth.principal, request.auth.audiences, request.auth.presenter or request.auth.claims[NAME], where NAME][INNER stands for a claim in another"
            : $"'{text}' is not about a token; of requests and connections ask by the fields of 'from' and 'to'";
    }

    private static string? Pattern(string text, out StringPattern pattern)
    {
        if (!StringPattern.TryParse(text, out pattern, out string? error)) return error;
        return text.Any(char.IsControl) ? "has a control character" : null;
    }
}
