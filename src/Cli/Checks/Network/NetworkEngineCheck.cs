using Culvert.NodeAgent.Datapath;
using Culvert.NodeAgent.Options;

namespace Culvert.Cli.Checks.Network;

/// <summary>Who else owns this machine's packets: kube-proxy, the CNI and whoever enforces NetworkPolicies, known by the chains, tables and links that each makes.</summary>
internal static class NetworkEngineCheck
{
    private static readonly (string Name, Func<HostNetwork, bool> IsThere)[] Proxies =
    [
        ("kube-proxy, mode ipvs", n => n.Links.Contains("kube-ipvs0")),
        ("kube-proxy, mode nftables", n => n.Filter.Chains.Any(c => c.Table is "ip kube-proxy" or "ip6 kube-proxy")),
        ("kube-proxy, mode iptables", n => HasChain(n, "KUBE-SERVICES")),
    ];

    private static readonly (string Name, Func<HostNetwork, bool> IsThere)[] Engines =
    [
        ("Calico", n => HasChain(n, "cali-") || HasLink(n, "cali") || HasLink(n, "vxlan.calico")),
        ("kube-router", n => HasChain(n, "KUBE-ROUTER-")),
        ("flannel", n => HasChain(n, "FLANNEL-") || HasLink(n, "flannel.")),
        ("Antrea", n => HasChain(n, "ANTREA-") || HasLink(n, "antrea-gw")),
        ("AWS VPC CNI", n => HasChain(n, "AWS-")),
        ("Cilium or GKE Dataplane V2", n => HasLink(n, "cilium_") || HasLink(n, "gke") || HasChain(n, "CILIUM_")),
        ("Docker or containerd's bridge", n => HasChain(n, "DOCKER") || HasLink(n, "docker0")),
    ];

    public static async Task<IReadOnlyList<Finding>> RunAsync(PacketMarks marks, CancellationToken cancellationToken) => Evaluate(await HostNetwork.ReadAsync(cancellationToken), marks);

    /// <summary>What an operator should know of a network.</summary>
    /// <param name="network">The network.</param>
    /// <param name="marks">The agent's marks.</param>
    internal static IReadOnlyList<Finding> Evaluate(HostNetwork network, PacketMarks marks) =>
        [Services(network), .. NetworkOf(network), .. Masquerade(network), .. Input(network, marks), .. InputRefusals(network, marks), .. Forward(network), .. Bridge(network), .. Diversion(network), .. Marks(network, marks)];

    private static Finding Services(HostNetwork network)
    {
        var found = Proxies.Where(p => p.IsThere(network)).Select(p => p.Name).ToArray();
        return Finding.Ok("services", found.Length == 0 ? "no kube-proxy has rules here" : $"Services are translated by {string.Join(" and ", found)}");
    }

    private static IEnumerable<Finding> NetworkOf(HostNetwork network)
    {
        var found = Engines.Where(e => e.IsThere(network)).Select(e => e.Name).ToArray();
        yield return Finding.Ok("cni", found.Length == 0 ? "no CNI or policy engine is known by its rules or links" : $"rules or links of {string.Join(", ", found)}");
        if (found.Contains("Cilium or GKE Dataplane V2"))
        {
            yield return Finding.Warning(
                "cni", "Cilium's programs redirect packets at the pods' interfaces: such pods are captured inside their network namespaces, and see each other by tunnels only",
                "let its policies allow TCP to port 15008 between pods of the mesh");
        }
    }

    // Between workloads of the mesh addresses stay what they are; policy by address sees the node's for others.
    private static IEnumerable<Finding> Masquerade(HostNetwork network)
    {
        var rules = network.Filter.Rules.Where(r => r.Text.Contains("masquerade", StringComparison.OrdinalIgnoreCase)).ToArray();
        if (rules.Length > 0) yield return Finding.Ok("masquerade", $"rules masquerade, such as {rules[0]}");
    }

    private static IEnumerable<Finding> Input(HostNetwork network, PacketMarks marks)
    {
        foreach (var chain in network.Filter.Chains.Where(c => c.Hook == "input" && c.Drops))
        {
            FilterRule[] accepted = [.. network.Filter.Of(chain).Where(r => r.Accepts)];
            var name = $"{chain.Source}: chain {chain.Name} of table {chain.Table}";
            yield return LetsIn(accepted, marks)
                ? Finding.Ok("input", $"{name} drops what no rule of it accepts, and accepts tunnels and captured packets")
                : Finding.Warning(
                    "input", $"{name} drops what no rule of it accepts: captured packets and tunnels are input, not forwarded",
                    $"accept, before it drops, {Needed(marks)}");
        }
    }

    // Rules that refuse by themselves what comes from pods' links, or from anybody: which of it is captured can't be read from them. Behind those that let in what the agent needs they are in order.
    private static IEnumerable<Finding> InputRefusals(HostNetwork network, PacketMarks marks)
    {
        foreach (var chain in network.Filter.Chains.Where(c => c is { Hook: "input", Drops: false } && !NatTables.IsAgents(c.Table)))
        {
            string[] found = [.. network.Filter.ReachedFrom(chain).SelectMany(c => Refusals(network, c))];
            FilterRule[] accepted = [.. network.Filter.InOrderFrom(chain).TakeWhile(r => !IsRefusal(r)).Where(r => r.Accepts)];
            if (found.Length == 0 || LetsIn(accepted, marks)) continue;
            yield return Finding.Warning(
                "input", $"{(found.Length == 1 ? "one rule refuses" : $"{found.Length} rules refuse")} input, such as {found[0]}: captured packets and tunnels are input, not forwarded, and may be among what is refused",
                $"accept, before it, {Needed(marks)}");
        }
    }

    // What of input the agent needs, for people, and whether rules accept it.
    private static string Needed(PacketMarks marks) => $"TCP to port 15008 of pod addresses and packets that have the agent's capture mark (0x{marks.Capture:x}/0x{marks.Mask:x})";

    private static bool LetsIn(FilterRule[] accepted, PacketMarks marks) => accepted.Any(r => AcceptsCaptured(r, marks)) && accepted.Any(r => r.Words.Contains("15008"));

    // As the remedy for a chain that drops has it.
    private static bool AcceptsCaptured(FilterRule rule, PacketMarks marks) => rule.Accepts && MarkUse.BitsOf(rule) == marks.Mask && !rule.Words.Contains("set");

    // What workloads say to each other between nodes is the proxy's on its way: received at one node, sent by another.
    private static IEnumerable<Finding> Forward(HostNetwork network)
    {
        string[] found = [.. network.Filter.ReachedFrom("prerouting", "forward").SelectMany(c => Refusals(network, c))];
        if (found.Length > 0)
        {
            yield return Finding.Warning(
                "forward", $"{(found.Length == 1 ? "one rule refuses" : $"{found.Length} rules refuse")} forwarded packets, such as {found[0]}: between nodes, what workloads of the mesh say to each other goes by tunnels and does not pass them; within this node it does, unless directPath is REDIRECT",
                "say what they are to refuse between workloads in a NetworkPolicy or an AuthorizationPolicy as well, or leave such pods out of the mesh");
        }
    }

    // But for those of kube-proxy, and what connection tracking knows nothing of.
    private static IEnumerable<string> Refusals(HostNetwork network, FilterChain chain)
    {
        if (chain is { Hook: not null, Drops: true }) yield return $"the policy of {chain.Source}: {chain.Table} {chain.Name}";
        foreach (var rule in network.Filter.Of(chain).Where(IsRefusal)) yield return rule.ToString();
    }

    private static bool IsRefusal(FilterRule rule) => rule.Refuses && !rule.Text.Contains("invalid", StringComparison.OrdinalIgnoreCase) && !IsKubeProxys(rule.Chain);

    private static bool IsKubeProxys(string chain) =>
        chain.StartsWith("KUBE-", StringComparison.Ordinal) && !chain.StartsWith("KUBE-ROUTER", StringComparison.Ordinal) && !chain.StartsWith("KUBE-POD-FW", StringComparison.Ordinal);

    // To know where policy is asked; capture holds either way.
    private static IEnumerable<Finding> Bridge(HostNetwork network)
    {
        if (network is { BridgeSettings.Count: > 0, Bridges.Count: > 0 })
            yield return Finding.Ok("bridge", $"what crosses the bridges {string.Join(", ", network.Bridges)} goes through netfilter ({string.Join(", ", network.BridgeSettings.Select(s => $"{s}=1"))})");
    }

    private static IEnumerable<Finding> Diversion(HostNetwork network)
    {
        var rules = network.Filter.Rules.Where(r => r.Text.Contains("tproxy", StringComparison.OrdinalIgnoreCase)).ToArray();
        return rules.Length == 0
            ? [Finding.Ok("tproxy", "no TPROXY rule in the packet filter")]
            : rules.Select(rule => Finding.Warning("tproxy", $"a packet filter rule diverts connections: {rule}", "remove the other mesh's rules, or exclude the pods it serves"));
    }

    // One finding for each table: engines have many such rules.
    private static IEnumerable<Finding> Marks(HostNetwork network, PacketMarks marks)
    {
        foreach (var rules in network.Filter.Rules.Where(r => !NatTables.IsAgents(r.Table) && (MarkUse.BitsOf(r) & marks.Mask) != 0 && !AcceptsCaptured(r, marks)).GroupBy(r => (r.Source, r.Table)))
        {
            var takesAll = rules.FirstOrDefault(r => MarkUse.BitsOf(r) == uint.MaxValue);
            yield return Finding.Warning(
                "marks", $"{rules.Count()} rules look at or set mark bits of the agent ({marks}), such as {takesAll ?? rules.First()}",
                takesAll is null
                    ? $"give the other program marks outside {marks}, or the agent two other bits (--mark-mask)"
                    : "it takes the whole mark, whichever bits the agent has: give it a mask of its own bits (iptables: --set-xmark VALUE/MASK, --mark VALUE/MASK; nft: meta mark set meta mark and not MASK or VALUE)");
        }
    }

    private static bool HasChain(HostNetwork network, string prefix) => network.Filter.Chains.Any(c => c.Name.StartsWith(prefix, StringComparison.Ordinal));

    private static bool HasLink(HostNetwork network, string prefix) => network.Links.Any(l => l.StartsWith(prefix, StringComparison.Ordinal));
}
