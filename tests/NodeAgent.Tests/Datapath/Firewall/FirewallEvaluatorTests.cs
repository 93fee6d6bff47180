using System.Text.Json;
using Culvert.NodeAgent.Datapath.Firewall;

namespace Culvert.NodeAgent.Tests.Datapath.Firewall;

/// <summary>Which packet filter rules packets between pods may pass by: only those that are known to do nothing with them.</summary>
public sealed class FirewallEvaluatorTests
{
    private const string Forward = """{"chain": {"family": "inet", "table": "t", "name": "c", "handle": 1, "type": "filter", "hook": "forward", "prio": 0, "policy": "accept"}}""";

    [Theory]
    [InlineData("")]
    [InlineData("""{"match": {"op": "==", "left": {"payload": {"protocol": "ip", "field": "saddr"}}, "right": "10.0.0.1"}}, {"counter": {"packets": 0, "bytes": 0}}, {"accept": null}""")]
    [InlineData("""{"limit": {"rate": 10, "per": "second"}}, {"return": null}""")]
    [InlineData("""{"xt": {"type": "match", "name": "comment"}}, {"jump": {"target": "KUBE-FORWARD"}}""")]
    [InlineData("""{"goto": {"target": "sub"}}""")]
    [InlineData("""{"vmap": {"key": {"payload": {"protocol": "ip", "field": "daddr"}}, "data": {"set": [["10.0.0.1", {"accept": null}], ["10.0.0.2", {"goto": {"target": "sub"}}]]}}}""")]
    [InlineData("""{"vmap": {"key": {"meta": {"key": "iifname"}}, "data": "@kind"}}""")]
    [InlineData("""{"xt": {"type": "target", "name": "TCPMSS"}}""")]
    public void Rules_that_let_everything_go_on_are_harmless(string rule) => Assert.Empty(Evaluate(Nft(rule)));

    [Theory]
    [InlineData("""{"drop": null}""", "'drop'")]
    [InlineData("""{"reject": {"type": "tcp reset"}}""", "'reject'")]
    [InlineData("""{"xt": {"type": "target", "name": "REJECT"}}""", "'REJECT'")]
    [InlineData("""{"xt": null}""", "'something of iptables'")]
    [InlineData("""{"queue": {"num": 1}}""", "'queue'")]
    [InlineData("""{"mangle": {"key": {"meta": {"key": "mark"}}, "value": 1}}""", "'mangle'")]
    [InlineData("""{"log": null}""", "'log'")]
    [InlineData("""{"jump": {"target": "refusing"}}""", "inet t refusing has a rule with 'drop'")]
    [InlineData("""{"jump": {"target": "KUBE-FORWARDS"}}""", "not listed")]
    [InlineData("""{"jump": {}}""", "without a name")]
    [InlineData("""{"vmap": {"key": 1, "data": {"set": [["10.0.0.1", {"accept": null}], ["10.0.0.2", {"drop": null}]]}}}""", "'drop'")]
    [InlineData("""{"vmap": {"key": 1, "data": "@refuse"}}""", "'drop'")]
    [InlineData("""{"vmap": {"key": 1, "data": "@nowhere"}}""", "'vmap @nowhere'")]
    [InlineData("""{"something new": {"drop": null}}""", "'something new'")]
    [InlineData("1", "'1'")]
    public void Anything_else_is_a_reason(string rule, string reason) => Assert.Contains(reason, Assert.Single(Evaluate(Nft(rule))), StringComparison.Ordinal);

    [Theory]
    [InlineData("forward", "filter", "drop", 1)]
    [InlineData("prerouting", "filter", "drop", 1)]
    [InlineData("postrouting", "filter", "drop", 1)]
    [InlineData("ingress", "filter", "drop", 1)]
    [InlineData("input", "filter", "drop", 0)]
    [InlineData("output", "filter", "drop", 0)]
    [InlineData("forward", "filter", "accept", 0)]
    public void A_policy_counts_where_packets_between_pods_come_by(string hook, string type, string policy, int reasons)
    {
        string chain = $$$"""{"chain": {"family": "ip", "table": "filter", "name": "X", "handle": 1, "type": "{{{type}}}", "hook": "{{{hook}}}", "prio": 0, "policy": "{{{policy}}}"}}""";
        Assert.Equal(reasons, Evaluate($$"""{"nftables": [{{chain}}]}""").Count);
    }

    [Theory]
    [InlineData("ip", "kube-proxy", 0)]
    [InlineData("ip6", "kube-proxy", 0)]
    [InlineData("inet", "kube-proxy", 1)]
    [InlineData("arp", "kube-proxy", 0)]
    [InlineData("inet", "culvert", 0)]
    [InlineData("inet", "culvert-c0", 0)]
    [InlineData("ip", "culvert", 1)]
    [InlineData("bridge", "filter", 1)]
    public void Tables_are_known_by_family_and_name(string family, string table, int reasons) =>
        Assert.Equal(reasons, Evaluate(Nft("""{"drop": null}""").Replace("\"inet\"", $"\"{family}\"", StringComparison.Ordinal).Replace("\"table\": \"t\"", $"\"table\": \"{table}\"", StringComparison.Ordinal)).Count);

    [Fact]
    public void Chains_for_translating_addresses_may_change_them_and_not_refuse()
    {
        string nat = Forward.Replace("filter", "nat", StringComparison.Ordinal).Replace("forward", "postrouting", StringComparison.Ordinal);
        Assert.Empty(Evaluate(Nft("""{"masquerade": null}""").Replace(Forward, nat, StringComparison.Ordinal)));
        Assert.Empty(Evaluate(Nft("""{"xt": {"type": "target", "name": "MARK"}}""").Replace(Forward, nat, StringComparison.Ordinal)));
        Assert.Single(Evaluate(Nft("""{"drop": null}""").Replace(Forward, nat, StringComparison.Ordinal)));
    }

    [Fact]
    public void Chains_that_lead_in_a_circle_or_very_far_end()
    {
        string circle = string.Join(',', Enumerable.Range(0, 5000).Select(i => $$$"""{"rule": {"family": "inet", "table": "t", "chain": "n{{{i}}}", "handle": 9, "expr": [{"jump": {"target": "n{{{(i + 1) % 5000}}}"}}]}}"""));
        Assert.Empty(Evaluate($$$"""{"nftables": [{{{Forward}}}, {"rule": {"family": "inet", "table": "t", "chain": "c", "handle": 2, "expr": [{"jump": {"target": "n0"}}]}}, {{{circle}}}]}"""));
    }

    [Fact]
    public void So_many_reasons_are_told_and_no_more()
    {
        string[] chains = [.. Enumerable.Range(0, 100).Select(i => Forward.Replace("\"c\"", $"\"c{i}\"", StringComparison.Ordinal).Replace("accept", "drop", StringComparison.Ordinal))];
        IReadOnlyCollection<string> reasons = Evaluate($$"""{"nftables": [{{string.Join(',', chains)}}]}""");
        Assert.Equal(FirewallEvaluator.MaxReasons, reasons.Count);
        Assert.Equal("and 93 more chains", reasons.Last());
    }

    [Theory]
    [InlineData("*filter\n:FORWARD ACCEPT [0:0]\n:KUBE-FORWARD - [0:0]\n-A FORWARD -m comment --comment \"say -j DROP\" -j KUBE-FORWARD\n-A KUBE-FORWARD -m conntrack --ctstate INVALID -j DROP\nCOMMIT\n", null)]
    [InlineData("*filter\n:FORWARD ACCEPT [0:0]\n-A FORWARD -s 10.0.0.0/8 -j ACCEPT\n-A FORWARD -p tcp\nCOMMIT\n", null)]
    [InlineData("*filter\n:INPUT DROP [0:0]\n:FORWARD ACCEPT [0:0]\n-A INPUT -j DROP\nCOMMIT\n", null)]
    [InlineData("*nat\n:PREROUTING ACCEPT [0:0]\n-A PREROUTING -j DNAT --to-destination 10.0.0.1\nCOMMIT\n", null)]
    [InlineData("*filter\n:FORWARD DROP [0:0]\nCOMMIT\n", "legacy filter FORWARD has the policy drop")]
    [InlineData("*filter\n:FORWARD ACCEPT [0:0]\n:X - [0:0]\n-A FORWARD -g X\n-A X -s 10.0.0.1/32 -j DROP\nCOMMIT\n", "legacy filter X has a rule with 'DROP'")]
    [InlineData("*raw\n:PREROUTING ACCEPT [0:0]\n-A PREROUTING -m set --match-set x src -j DROP\nCOMMIT\n", "legacy raw PREROUTING has a rule with 'DROP'")]
    [InlineData("*mangle\n:PREROUTING ACCEPT [0:0]\n-A PREROUTING -j MARK --set-xmark 0x1/0xff\nCOMMIT\n", "'MARK'")]
    [InlineData("*filter\n:FORWARD ACCEPT [0:0]\n-A FORWARD -j KUBE-POD-FW-ABC\n:KUBE-POD-FW-ABC - [0:0]\nCOMMIT\n", "'KUBE-POD-FW-ABC'")]
    [InlineData("*filter\n:FORWARD ACCEPT [0:0]\n-A FORWARD -m comment --comment -j -j DROP\nCOMMIT\n", "'-j'")]
    public void Rules_of_iptables_are_read_as_they_are_saved(string saved, string? reason)
    {
        string[] reasons = [.. FirewallEvaluator.Evaluate(IptablesRules.Parse(saved, "legacy"))];
        if (reason is null) Assert.Empty(reasons);
        else Assert.Contains(reason, Assert.Single(reasons), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("*filter\n:FORWARD ACCEPT [0:0]\n")]
    [InlineData("-A FORWARD -j DROP\n")]
    [InlineData("*filter\n-A FORWARD -j DROP\nCOMMIT\n")]
    [InlineData("*filter\n:FORWARD ACCEPT [0:0]\n-A FORWARD -j\nCOMMIT\n")]
    [InlineData("*filter\n:FORWARD ACCEPT [0:0]\n-A FORWARD --comment \"x\nCOMMIT\n")]
    [InlineData("iptables: Permission denied")]
    public void What_is_not_of_iptables_is_not_taken_for_harmless(string saved) => Assert.Throws<FormatException>(() => IptablesRules.Parse(saved, "legacy"));

    [Theory]
    [InlineData("[]")]
    [InlineData("{}")]
    [InlineData("nonsense")]
    [InlineData("""{"nftables": [{"chain": {"family": "ip"}}]}""")]
    public void What_is_not_of_nftables_is_not_taken_for_harmless(string json) => Assert.ThrowsAny<JsonException>(() => NftRules.Parse(json));

    [Fact]
    public void Mutated_rules_are_read_or_refused()
    {
        Random random = new(20_260);
        string nft = Nft("""{"vmap": {"key": 1, "data": {"set": [["10.0.0.1", {"accept": null}]]}}}, {"jump": {"target": "sub"}}, {"xt": {"type": "target", "name": "TCPMSS"}}""");
        const string Saved = "*filter\n:FORWARD ACCEPT [0:0]\n:X - [0:0]\n-A FORWARD -m comment --comment \"a b\" -j X\n-A X -s 10.0.0.1/32 -j ACCEPT\nCOMMIT\n";
        for (int i = 0; i < 20_000; i++)
        {
            try
            {
                FirewallEvaluator.Evaluate(NftRules.Parse(Mutate(nft, random)));
            }
            catch (JsonException)
            {
                // refused
            }
            try
            {
                FirewallEvaluator.Evaluate(IptablesRules.Parse(Mutate(Saved, random), "legacy"));
            }
            catch (FormatException)
            {
                // refused
            }
        }
    }

    private static string Mutate(string text, Random random)
    {
        char[] characters = text.ToCharArray();
        for (int n = random.Next(1, 4); n > 0; n--) characters[random.Next(characters.Length)] = "{}[]\":,-jg \\A\n*1x"[random.Next(17)];
        return new string(characters, 0, random.Next(4) == 0 ? random.Next(characters.Length) : characters.Length);
    }

    private static IReadOnlyCollection<string> Evaluate(string json) => FirewallEvaluator.Evaluate(NftRules.Parse(json));

    // A chain at the hook with one rule, chains that refuse and that don't, and maps.
    private static string Nft(string rule) => $$$"""
        {"nftables": [{"metainfo": {"version": "1.0.6"}}, {"table": {"family": "inet", "name": "t", "handle": 1}}, {{{Forward}}},
        {"chain": {"family": "inet", "table": "t", "name": "sub", "handle": 2}}, {"chain": {"family": "inet", "table": "t", "name": "refusing", "handle": 3}},
        {"map": {"family": "inet", "name": "kind", "table": "t", "type": "ifname", "handle": 5, "map": "verdict", "elem": [["a", {"return": null}], [{"elem": {"val": "b", "comment": "x"}}, {"jump": {"target": "sub"}}]]}},
        {"map": {"family": "inet", "name": "refuse", "table": "t", "type": "ifname", "handle": 6, "map": "verdict", "elem": [["a", {"return": null}], ["b", {"drop": null}]]}},
        {"rule": {"family": "inet", "table": "t", "chain": "refusing", "handle": 7, "expr": [{"drop": null}]}},
        {"rule": {"family": "inet", "table": "t", "chain": "c", "handle": 8, "expr": [{{{rule}}}]}}]}
        """;
}
