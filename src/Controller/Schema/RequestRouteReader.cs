using Culvert.Controller.Objects;
using Culvert.Core;

namespace Culvert.Controller.Schema;

/// <summary>Reads what HTTPRoute and GRPCRoute of gateway.networking.k8s.io have in common, where their parents are Services (the mesh use of routes, GAMMA).</summary>
internal static class RequestRouteReader
{
    private const int MostRules = 16, MostMatches = 64, MostMatchesOfAll = 128, MostHostnames = 16;

    /// <summary>Reads a rule, without its name and its matches.</summary>
    public delegate HttpRouteRule RuleReader(FieldReader rule, HttpRouteRule begun, ObjectMeta meta);

    /// <summary>Reads a route.</summary>
    /// <param name="root">The object.</param>
    /// <param name="kind">Which of the kinds.</param>
    /// <param name="meta">Its metadata.</param>
    /// <param name="readMatch">Reads a match.</param>
    /// <param name="readRest">Reads what rules of the kind have beside name and matches.</param>
    public static HttpRouteObject? Read(FieldReader root, ObjectKind kind, ObjectMeta meta, Func<FieldReader, HttpRouteMatch> readMatch, RuleReader readRest)
    {
        if (root.Map("spec", required: true) is not { } spec) return null;
        EquatableArray<HttpRouteObject.Parent> parents = RequestRouteParents.Read(spec, meta);
        ReadHostnames(spec);
        if (!spec.Has("rules")) spec.Fail("rules", "is required");
        FieldReader[] readers = [.. spec.Maps("rules")];
        Limit(spec, "rules", readers.Length, MostRules);
        ExpressionBudget expressions = new();
        HttpRouteRule[] rules = [.. readers.Select(r => ReadRule(r, meta, ReadCounted, readRest))];
        if (rules.Sum(r => r.Matches.Count) is > MostMatchesOfAll and var count) spec.Fail("rules", $"has {count} matches in all its rules; at most {MostMatchesOfAll} are allowed");
        for (int i = 0; i < rules.Length; i++)
        {
            if (rules[i].Name.Length > 0 && Array.FindIndex(rules, r => r.Name == rules[i].Name) < i) readers[i].Fail("name", $"'{rules[i].Name}' is the name of another rule of the route, too");
        }
        spec.Ignore("useDefaultGateways"); // which are not the mesh's
        spec.Done();
        return new(kind, meta) { Parents = parents, Rules = rules.ToEquatableArray(), ExpressionPositions = expressions.Positions };

        HttpRouteMatch ReadCounted(FieldReader reader)
        {
            HttpRouteMatch match = readMatch(reader);
            expressions.Count(reader, match);
            return match;
        }
    }

    /// <summary>Reports that a list is too long.</summary>
    public static void Limit(FieldReader reader, string field, int count, int most)
    {
        if (count > most) reader.Fail(field, $"has {count} entries; at most {most} are allowed");
    }

    private static HttpRouteRule ReadRule(FieldReader rule, ObjectMeta meta, Func<FieldReader, HttpRouteMatch> readMatch, RuleReader readRest)
    {
        string name = rule.String("name", Names.Subdomain) ?? "";
        HttpRouteMatch[] matches = [.. rule.Maps("matches", mayBeEmpty: true).Select(readMatch)];
        Limit(rule, "matches", matches.Length, MostMatches);
        HttpRouteRule read = readRest(rule, new() { Name = name, Matches = matches.Length == 0 ? [new HttpRouteMatch()] : matches.ToEquatableArray() }, meta);
        if (rule.Has("sessionPersistence")) rule.Fail("sessionPersistence", "is not supported yet");
        rule.Done();
        if (read.Filters.Redirect is not null) return read;
        if (read.Backends.IsEmpty) rule.Note("", "has neither backends nor a redirect: its requests are answered 500");
        else if (read.Backends.All(b => b.Weight == 0)) rule.Note("backendRefs", "has no share: its requests are answered 500");
        return read;
    }

    private static void ReadHostnames(FieldReader spec)
    {
        EquatableArray<string> names = spec.List<string>("hostnames", Hostname, mayBeEmpty: true);
        Limit(spec, "hostnames", names.Count, MostHostnames);
        if (!names.IsEmpty) spec.Note("hostnames", "do not count where the parent is a Service: the route has its requests whatever host they ask for; match the header Host");
    }

    private static string? Hostname(string text, out string name)
    {
        name = text;
        return Names.Subdomain(text.StartsWith("*.", StringComparison.Ordinal) ? text[2..] : text);
    }
}
