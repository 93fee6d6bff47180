using System.Collections.Immutable;
using System.Text.Json;

namespace Culvert.NodeAgent.Datapath.Firewall;

/// <summary>Reads what nftables lists as JSON (libnftables-json(5)), which has the rules of iptables-nft as well. Pure.</summary>
internal static class NftRules
{
    private static readonly string[] Passing = ["match", "counter", "limit", "accept", "return", "continue", "notrack"];
    private static readonly string[] Changing = ["mangle", "snat", "dnat", "masquerade", "redirect", "log"];
    private static readonly string[] Verdicts = ["accept", "drop", "continue", "return", "jump", "goto", "queue"];

    /// <summary>Reads a list.</summary>
    /// <param name="json">The answer to "list chains", "list table" or "list ruleset"; empty where there is nothing.</param>
    /// <returns>Its chains; rules of a chain that is not listed make one.</returns>
    /// <exception cref="JsonException">It is no such answer.</exception>
    internal static ImmutableArray<FilterChain> Parse(string json)
    {
        if (json.Length == 0) return [];
        using JsonDocument document = JsonDocument.Parse(json);
        if (document.RootElement.ValueKind != JsonValueKind.Object || !document.RootElement.TryGetProperty("nftables", out JsonElement list) || list.ValueKind != JsonValueKind.Array) throw new JsonException("no list of nftables");
        Dictionary<(string Table, string Chain), FilterChain> chains = [];
        Dictionary<(string Table, string Map), List<FilterStep>> maps = [];
        foreach (JsonElement map in Members(list, "map")) maps[(TableOf(map), Text(map, "name"))] = VerdictsIn(map);
        foreach (JsonElement chain in Members(list, "chain"))
        {
            FilterChain read = ReadChain(chain);
            chains[(read.Table, read.Name)] = read;
        }
        Dictionary<(string Table, string Chain), ImmutableArray<FilterStep>.Builder> steps = [];
        foreach (JsonElement rule in Members(list, "rule"))
        {
            (string Table, string Chain) key = (TableOf(rule), Text(rule, "chain"));
            if (!steps.TryGetValue(key, out ImmutableArray<FilterStep>.Builder? into)) steps[key] = into = ImmutableArray.CreateBuilder<FilterStep>();
            into.AddRange(ReadRule(rule, key.Table, maps));
        }
        foreach (((string table, string chain) key, ImmutableArray<FilterStep>.Builder all) in steps)
        {
            chains[key] = (chains.GetValueOrDefault(key) ?? new FilterChain(key.table, key.chain)) with { Steps = all.ToImmutable() };
        }
        return [.. chains.Values];
    }

    private static FilterChain ReadChain(JsonElement chain) => new(TableOf(chain), Text(chain, "name"))
    {
        Hook = chain.TryGetProperty("hook", out JsonElement hook) ? hook.GetString() : null,
        Policy = chain.TryGetProperty("policy", out JsonElement policy) ? policy.GetString() ?? "" : "accept",
        IsNat = chain.TryGetProperty("type", out JsonElement type) && type.ValueEquals("nat"),
    };

    private static IEnumerable<FilterStep> ReadRule(JsonElement rule, string table, Dictionary<(string Table, string Map), List<FilterStep>> maps)
    {
        if (!rule.TryGetProperty("expr", out JsonElement statements) || statements.ValueKind != JsonValueKind.Array) yield break;
        foreach (JsonElement statement in statements.EnumerateArray())
        {
            if (statement.ValueKind != JsonValueKind.Object || !statement.EnumerateObject().MoveNext())
            {
                yield return Unknown(statement.ToString());
                continue;
            }
            JsonProperty what = statement.EnumerateObject().First();
            if (what.NameEquals("vmap"))
            {
                foreach (FilterStep step in OfMap(what.Value, table, maps)) yield return step;
            }
            else
            {
                yield return Step(what);
            }
        }
    }

    private static FilterStep Step(JsonProperty what)
    {
        if (what.Name is "jump" or "goto") return Target(what.Value);
        if (what.NameEquals("xt")) return OfExtension(what.Value);
        return new FilterStep(Passing.Contains(what.Name) ? FilterAction.Pass : Changing.Contains(what.Name) ? FilterAction.Change : FilterAction.Other, what.Name);
    }

    private static FilterStep Target(JsonElement value) =>
        value.ValueKind == JsonValueKind.Object && value.TryGetProperty("target", out JsonElement target) && target.ValueKind == JsonValueKind.String
            ? new FilterStep(FilterAction.Jump, target.GetString()!)
            : Unknown("jump to a chain without a name");

    // What nft has no words for: matches and targets of iptables.
    private static FilterStep OfExtension(JsonElement value)
    {
        if (value.ValueKind != JsonValueKind.Object || !value.TryGetProperty("type", out JsonElement type) || !value.TryGetProperty("name", out JsonElement name) || name.ValueKind != JsonValueKind.String)
        {
            return Unknown("something of iptables");
        }
        return type.ValueEquals("match") ? new FilterStep(FilterAction.Pass, "match") : IptablesTargets.Step(name.GetString()!);
    }

    private static List<FilterStep> OfMap(JsonElement map, string table, Dictionary<(string Table, string Map), List<FilterStep>> maps)
    {
        if (map.ValueKind != JsonValueKind.Object || !map.TryGetProperty("data", out JsonElement data)) return [Unknown("vmap")];
        if (data.ValueKind != JsonValueKind.String) return VerdictsIn(data);
        string name = data.GetString()!.TrimStart('@');
        return maps.TryGetValue((table, name), out List<FilterStep>? found) ? found : [Unknown($"vmap @{name}")];
    }

    // Every verdict in it, wherever it stands: keys have none.
    private static List<FilterStep> VerdictsIn(JsonElement value)
    {
        List<FilterStep> found = [];
        Collect(value);
        return found;

        void Collect(JsonElement at)
        {
            if (at.ValueKind == JsonValueKind.Array)
            {
                foreach (JsonElement item in at.EnumerateArray()) Collect(item);
            }
            if (at.ValueKind != JsonValueKind.Object) return;
            foreach (JsonProperty property in at.EnumerateObject())
            {
                if (Verdicts.Contains(property.Name)) found.Add(Step(property));
                else Collect(property.Value);
            }
        }
    }

    private static IEnumerable<JsonElement> Members(JsonElement list, string name)
    {
        foreach (JsonElement item in list.EnumerateArray())
        {
            if (item.ValueKind == JsonValueKind.Object && item.TryGetProperty(name, out JsonElement member) && member.ValueKind == JsonValueKind.Object) yield return member;
        }
    }

    private static string TableOf(JsonElement of) => $"{Text(of, "family")} {Text(of, "table")}";

    private static string Text(JsonElement of, string name) =>
        of.TryGetProperty(name, out JsonElement text) && text.ValueKind == JsonValueKind.String ? text.GetString()! : throw new JsonException($"no {name}");

    private static FilterStep Unknown(string what) => new(FilterAction.Other, what);
}
