using Culvert.NodeAgent.Datapath;

namespace Culvert.Cli.Checks.Network;

/// <summary>One rule of the packet filter.</summary>
/// <param name="Source">The program that lists it, e.g. <c>nft</c> or <c>iptables-legacy-save</c>.</param>
/// <param name="Table">Its table: <c>ip kube-proxy</c> of nftables, <c>nat</c> of iptables.</param>
/// <param name="Chain">Its chain.</param>
/// <param name="Text">The rule as the program writes it.</param>
internal sealed record FilterRule(string Source, string Table, string Chain, string Text)
{
    // Verdicts of maps stand before commas.
    private static readonly char[] Separators = [' ', ','];

    /// <summary>Whether it drops or rejects what it matches.</summary>
    public bool Refuses => Words.Any(w => w is "drop" or "reject" or "DROP" or "REJECT");

    /// <summary>Whether it accepts what it matches.</summary>
    public bool Accepts => Words.Any(w => w is "accept" or "ACCEPT");

    /// <summary>The words of <see cref="Text"/>.</summary>
    public IEnumerable<string> Words => Text.Split(Separators, StringSplitOptions.RemoveEmptyEntries);

    public override string ToString() => $"{Source}: {Table} {Chain}: {Text}";
}

/// <summary>A chain of the packet filter.</summary>
/// <param name="Source">The program that lists it.</param>
/// <param name="Table">Its table.</param>
/// <param name="Name">Its name.</param>
/// <param name="Hook">Where it is called from by the kernel, in lower case: <c>input</c>, <c>forward</c> …; null where other chains call it.</param>
/// <param name="Drops">Whether what no rule decides is dropped.</param>
internal sealed record FilterChain(string Source, string Table, string Name, string? Hook, bool Drops);

/// <summary>What is in the packet filter of this network namespace. Immutable.</summary>
internal sealed record FilterRules(IReadOnlyList<FilterChain> Chains, IReadOnlyList<FilterRule> Rules)
{
    public static FilterRules None { get; } = new([], []);

    /// <summary>Reads what <c>nft list ruleset</c> prints: a line for each rule, tables and chains in braces.</summary>
    public static FilterRules FromNft(string text)
    {
        List<FilterChain> chains = [];
        List<FilterRule> rules = [];
        string table = "", chain = "";
        foreach (var line in text.Split('\n').Select(l => l.Trim()))
        {
            var words = line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
            switch (words)
            {
                case ["table", var family, var name, "{"]:
                    (table, chain) = ($"{family} {name}", "");
                    break;
                case ["chain", var name, "{"]:
                    chain = name;
                    chains.Add(new FilterChain("nft", table, chain, Hook: null, Drops: false));
                    break;
                case ["type", _, "hook", var hook, ..] when chain.Length > 0:
                    chains[^1] = chains[^1] with { Hook = hook, Drops = line.Contains("policy drop", StringComparison.Ordinal) };
                    break;
                case ["}"]:
                    chain = "";
                    break;
                default:
                    if (chain.Length > 0 && words.Length > 0 && words[0] != "#") rules.Add(new FilterRule("nft", table, chain, line));
                    break;
            }
        }

        return new FilterRules(chains, rules);
    }

    /// <summary>Reads what iptables-save and its kin print.</summary>
    /// <param name="source">The program.</param>
    /// <param name="text">Its output.</param>
    public static FilterRules FromSave(string source, string text)
    {
        List<FilterChain> chains = [];
        List<FilterRule> rules = [];
        var table = "";
        foreach (var line in text.Split('\n').Select(l => l.Trim()))
        {
            var words = line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
            if (line.StartsWith('*'))
            {
                table = line[1..];
            }
            else if (line.StartsWith(':') && words.Length >= 2)
            {
                var name = words[0][1..];
                chains.Add(new FilterChain(source, table, name, words[1] == "-" ? null : name.ToLowerInvariant(), words[1] == "DROP"));
            }
            else if (words is ["-A", var chain, ..])
            {
                rules.Add(new FilterRule(source, table, chain, line));
            }
        }

        return new FilterRules(chains, rules);
    }

    /// <summary>The rules of a chain.</summary>
    public IEnumerable<FilterRule> Of(FilterChain chain) => Rules.Where(r => (r.Source, r.Table, r.Chain) == (chain.Source, chain.Table, chain.Name));

    /// <summary>The rules of a chain as packets meet them: those of a chain that a rule leads to behind that rule, once each.</summary>
    public IReadOnlyList<FilterRule> InOrderFrom(FilterChain chain)
    {
        List<FilterRule> met = [];
        var others = Chains.Where(c => c.Hook is null && (c.Source, c.Table) == (chain.Source, chain.Table)).ToLookup(c => c.Name);
        HashSet<FilterChain> entered = [];
        Enter(chain);
        return met;

        void Enter(FilterChain entering)
        {
            if (!entered.Add(entering)) return;
            foreach (var rule in Of(entering))
            {
                met.Add(rule);
                foreach (var next in rule.Words.SelectMany(w => others[w])) Enter(next);
            }
        }
    }

    /// <summary>The chains that packets come by which pass one of these hooks: those of the hooks, and those that they lead to. Those of the agent itself are left out.</summary>
    /// <param name="hooks">Names of hooks, in lower case.</param>
    public IReadOnlyList<FilterChain> ReachedFrom(params string[] hooks) =>
        ReachedFrom([.. Chains.Where(c => c.Hook is { } hook && hooks.Contains(hook) && !NatTables.IsAgents(c.Table))]);

    /// <summary>Chains, and those that their rules lead to.</summary>
    public IReadOnlyList<FilterChain> ReachedFrom(params IReadOnlyList<FilterChain> from)
    {
        List<FilterChain> reached = [.. from];
        var called = Rules.ToLookup(r => (r.Source, r.Table, r.Chain), r => r.Words);
        for (var i = 0; i < reached.Count; i++)
        {
            var chain = reached[i];
            HashSet<string> words = [.. called[(chain.Source, chain.Table, chain.Name)].SelectMany(w => w)];
            reached.AddRange(Chains.Where(c => c.Hook is null && (c.Source, c.Table) == (chain.Source, chain.Table) && words.Contains(c.Name) && !reached.Contains(c)));
        }

        return reached;
    }

    public FilterRules And(FilterRules other) => new([.. Chains, .. other.Chains], [.. Rules, .. other.Rules]);
}
