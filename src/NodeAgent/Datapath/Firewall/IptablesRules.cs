using System.Collections.Immutable;
using System.Text;

namespace Culvert.NodeAgent.Datapath.Firewall;

/// <summary>Reads what iptables-save prints. Pure.</summary>
internal static class IptablesRules
{
    private static readonly string[] Hooks = ["PREROUTING", "FORWARD", "POSTROUTING"];

    /// <summary>Reads tables.</summary>
    /// <param name="saved">What was printed.</param>
    /// <param name="by">Whose tables they are, for their names: "iptables-legacy".</param>
    /// <exception cref="FormatException">A line is none of iptables-save.</exception>
    internal static ImmutableArray<FilterChain> Parse(string saved, string by)
    {
        List<FilterChain> chains = [];
        Dictionary<string, (FilterChain Chain, ImmutableArray<FilterStep>.Builder Steps)> table = new(StringComparer.Ordinal);
        string? name = null;
        foreach (string line in saved.Split('\n').Select(l => l.TrimEnd('\r')))
        {
            if (line.Length == 0 || line[0] == '#') continue;
            switch (line[0])
            {
                case '*':
                    name = line[1..];
                    break;
                case ':' when name is not null && line[1..].Split(' ') is [string chain, string policy, ..]:
                    table[chain] = (Chain($"{by} {name}", chain, policy, name == "nat"), ImmutableArray.CreateBuilder<FilterStep>());
                    break;
                case '-' when name is not null:
                    Add(Words(line), line);
                    break;
                default:
                    if (line != "COMMIT") throw new FormatException($"not a line of iptables-save: '{line}'");
                    chains.AddRange(table.Values.Select(t => t.Chain with { Steps = t.Steps.ToImmutable() }));
                    table.Clear();
                    name = null;
                    break;
            }
        }
        return name is null ? [.. chains] : throw new FormatException($"the table {name} has no end");

        void Add(List<string> words, string line)
        {
            if (words is not ["-A", string chain, ..] || !table.TryGetValue(chain, out (FilterChain Chain, ImmutableArray<FilterStep>.Builder Steps) at)) throw new FormatException($"not a rule of a chain that was named: '{line}'");
            for (int i = 2; i < words.Count; i++)
            {
                if (words[i] is not ("-j" or "-g" or "--jump" or "--goto")) continue;
                if (i + 1 == words.Count) throw new FormatException($"no target: '{line}'");
                string target = words[i + 1];
                at.Steps.Add(table.ContainsKey(target) ? new FilterStep(FilterAction.Jump, target) : IptablesTargets.Step(target));
            }
        }
    }

    private static FilterChain Chain(string table, string name, string policy, bool nat) => new(table, name)
    {
        Hook = Hooks.Contains(name) ? name.ToLowerInvariant() : null,
        Policy = policy == "-" ? "accept" : policy.ToLowerInvariant(),
        IsNat = nat,
    };

    // A comment in quotes may read like a rule.
    private static List<string> Words(string line)
    {
        List<string> words = [];
        StringBuilder word = new();
        bool quoted = false, any = false;
        for (int i = 0; i < line.Length; i++)
        {
            char c = line[i];
            if (c == '\\' && i + 1 < line.Length) word.Append(line[++i]);
            else if (c == '"') (quoted, any) = (!quoted, true);
            else if (c != ' ' || quoted) word.Append(c);
            else if (word.Length > 0 || any)
            {
                words.Add(any ? $"\"{word}\"" : word.ToString());
                word.Clear();
                any = false;
            }
        }
        if (quoted) throw new FormatException($"a quote has no end: '{line}'");
        if (word.Length > 0 || any) words.Add(any ? $"\"{word}\"" : word.ToString());
        return words;
    }
}
