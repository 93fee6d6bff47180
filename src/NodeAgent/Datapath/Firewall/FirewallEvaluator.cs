using System.Collections.Immutable;

namespace Culvert.NodeAgent.Datapath.Firewall;

/// <summary>
/// Tells whether rules do anything with packets between two pods of a node that would not be done if those did not pass them. Only what is known as harmless counts as that: chains
/// that let everything go on, and those of kube-proxy and flannel. What a rule matches is not looked at. Pure.
/// </summary>
internal static class FirewallEvaluator
{
    /// <summary>The most reasons that are told, one for each chain.</summary>
    internal const int MaxReasons = 8;

    // Where packets of others than this node's own programs come by.
    private static readonly string[] Hooks = ["ingress", "prerouting", "forward", "postrouting", "egress"];

    // kube-proxy with nftables refuses what is for Services without endpoints. Agents' own tables are for what they capture.
    private static readonly string[] KnownTables = ["ip kube-proxy", "ip6 kube-proxy"];

    // kube-proxy with iptables refuses what is for Services without endpoints or for load balancers, and what connection tracking knows nothing of; flannel accepts.
    private static readonly string[] KnownChains =
        ["KUBE-FORWARD", "KUBE-SERVICES", "KUBE-EXTERNAL-SERVICES", "KUBE-NODEPORTS", "KUBE-PROXY-FIREWALL", "KUBE-POSTROUTING", "KUBE-PROXY-CANARY", "KUBELET-CANARY", "FLANNEL-FWD", "FLANNEL-POSTRTG"];

    // Of nft and of iptables; what else nft mangles counts as well.
    private static readonly string[] Marking = ["mangle", "MARK", "CONNMARK"];

    /// <summary>Whether a base chain has to be looked into; its rules need not be known for this.</summary>
    internal static bool Concerns(FilterChain chain) => chain.Hook is { } hook && Hooks.Contains(hook) && !chain.Table.StartsWith("arp ", StringComparison.Ordinal) && !KnownTables.Contains(chain.Table) && !NatTables.IsAgents(chain.Table);

    /// <summary>Why packets have to pass these rules; none: they need not.</summary>
    /// <param name="chains">The chains of whole tables.</param>
    internal static ImmutableArray<string> Evaluate(IReadOnlyCollection<FilterChain> chains)
    {
        Dictionary<(string Table, string Name), FilterChain> byName = Index(chains);
        List<string> reasons = [];
        foreach (FilterChain chain in chains.Where(Concerns))
        {
            if (chain.Policy != "accept") reasons.Add($"{chain.Table} {chain.Name} has the policy {chain.Policy}");
            else if (Trouble(chain, byName) is { } trouble) reasons.Add(trouble);
        }
        return reasons.Count <= MaxReasons ? [.. reasons] : [.. reasons.Take(MaxReasons - 1), $"and {reasons.Count - MaxReasons + 1} more chains"];
    }

    /// <summary>Which chain for translating addresses sets marks, by which routing rules choose packets; null: none but the known ones, which mark what goes to Services, and what comes from load balancers.</summary>
    /// <param name="chains">The chains of whole tables.</param>
    internal static string? FindMark(IReadOnlyCollection<FilterChain> chains)
    {
        Dictionary<(string Table, string Name), FilterChain> byName = Index(chains);
        return chains.Where(c => c.IsNat && Concerns(c)).SelectMany(c => Reach(c, byName)).Where(r => r.Step is { Action: FilterAction.Change } step && Marking.Contains(step.Text)).Select(r => $"{r.Chain.Table} {r.Chain.Name} sets marks").FirstOrDefault();
    }

    /// <summary>Whether what a jump leads to has to be looked into.</summary>
    internal static bool IsFollowed(FilterStep step) => step.Action == FilterAction.Jump && !KnownChains.Contains(step.Text);

    private static Dictionary<(string Table, string Name), FilterChain> Index(IReadOnlyCollection<FilterChain> chains)
    {
        Dictionary<(string Table, string Name), FilterChain> byName = [];
        foreach (FilterChain chain in chains) byName[(chain.Table, chain.Name)] = chain;
        return byName;
    }

    // The first thing that is not harmless in what a base chain leads to.
    private static string? Trouble(FilterChain start, Dictionary<(string Table, string Name), FilterChain> byName)
    {
        foreach ((FilterChain chain, FilterStep step) in Reach(start, byName))
        {
            switch (step.Action)
            {
                case FilterAction.Pass:
                case FilterAction.Change when start.IsNat:
                    break;
                case FilterAction.Jump:
                    if (IsFollowed(step) && !byName.ContainsKey((chain.Table, step.Text))) return $"{chain.Table} {chain.Name} goes on in {step.Text}, which is not listed";
                    break;
                default:
                    return $"{chain.Table} {chain.Name} has a rule with '{step.Text}'";
            }
        }
        return null;
    }

    // All steps of the chains that a base chain leads to, each chain once; not of the known ones.
    private static IEnumerable<(FilterChain Chain, FilterStep Step)> Reach(FilterChain start, Dictionary<(string Table, string Name), FilterChain> byName)
    {
        HashSet<string> seen = [start.Name];
        Queue<FilterChain> open = new([start]);
        while (open.TryDequeue(out FilterChain? chain))
        {
            foreach (FilterStep step in chain.Steps)
            {
                yield return (chain, step);
                if (IsFollowed(step) && seen.Add(step.Text) && byName.TryGetValue((chain.Table, step.Text), out FilterChain? next)) open.Enqueue(next);
            }
        }
    }
}
