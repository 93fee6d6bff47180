using System.Net;
using System.Net.Sockets;
using Culvert.Interop.Netlink;
using Culvert.NodeAgent.Datapath;

namespace Culvert.NodeAgent.Tests.Datapath;

/// <summary>Which routing rules packets between pods may pass by: only those that are known to do nothing with them.</summary>
public sealed class RoutingRulesTests
{
    private const string Marker = "ip nat X sets marks";

    // What the kernel makes by itself.
    private static readonly IpRule[] Kernels = [.. new[] { AddressFamily.InterNetwork, AddressFamily.InterNetworkV6 }.Select(f => new IpRule { Family = f, Priority = 32766, Table = IpRoute.MainTable })];

    private static readonly IpRule Plain = new() { Family = AddressFamily.InterNetwork, Priority = 100, Table = 77 };
    private static readonly IpRule Refusing = Plain with { Table = 0, Action = IpRuleAction.Prohibit };

    public static TheoryData<string, string?> Cases => new()
    {
        { "main", null }, { "local by link", null }, { "default by source", null }, { "nothing", null }, { "own by table", null }, { "own prohibited", null },
        { "by mark", null }, { "prohibit", "rule 100: from 10.91.1.2/32 prohibit" }, { "unreachable by mark", "rule 100: mark 0x10/0x10 unreachable" }, { "go to", "rule 100: go to 200, of table 0" },
        { "by source", "rule 100: from 10.91.1.2/32 to table 77" }, { "by link", "rule 100: from link veth0 to table 77" }, { "for all", "rule 100: to table 77" }, { "VRF", "rule 100: to tables of virtual routers" },
        { "not by mark", "rule 100: not mark 0x10/0x10 to table 77" }, { "by no mark", "rule 100: mark 0x0/0x10 to table 77" }, { "not own", "rule 100: not from link lo to table 77" }, { "IPv6", "rule IPv6 100: to table 77" },
    };

    [Theory]
    [MemberData(nameof(Cases))]
    public void Only_rules_that_are_known_as_harmless_are_none(string rule, string? reason) =>
        Assert.Equal(reason is null ? [] : [reason], RoutingRules.Evaluate([RuleOf(rule), .. Kernels], hasIPv6: true, () => null));

    [Fact]
    public void Rules_by_mark_count_where_marks_are_set_and_nobody_asks_for_these_without_such_rules()
    {
        Assert.Equal([$"rule 100: mark 0x10/0x10 to table 77, and {Marker}"], RoutingRules.Evaluate([RuleOf("by mark"), RuleOf("main"), .. Kernels], hasIPv6: true, () => Marker));
        Assert.Single(RoutingRules.Evaluate([RuleOf("main"), RuleOf("prohibit"), .. Kernels], hasIPv6: true, () => throw new InvalidOperationException()));
    }

    [Fact]
    public void Rules_that_lead_some_packets_to_the_main_table_are_harmless_only_where_all_others_are_led_there_as_well()
    {
        const string Missing = "no rule leads all packets to the table main", Missing6 = "no rule of IPv6 leads all packets to the table main";
        IpRule some = Plain with { Table = IpRoute.MainTable, Source = IPNetwork.Parse("10.91.1.2/32"), Invert = true };
        Assert.Equal([Missing], Evaluate(some, Kernels[1]));
        Assert.Equal([Missing6], Evaluate(Kernels[0], some with { Family = AddressFamily.InterNetworkV6 }));
        Assert.Equal([Missing], Evaluate(Kernels[0] with { PassesRoutesOver = true }, Kernels[1]));
        Assert.Equal([Missing, Missing6], Evaluate());
        Assert.Empty(RoutingRules.Evaluate([Kernels[0]], hasIPv6: false, () => null));

        static string[] Evaluate(params IpRule[] rules) => [.. RoutingRules.Evaluate(rules, hasIPv6: true, () => null)];
    }

    private static IpRule RuleOf(string name) => name switch
    {
        "main" => Plain with { Table = 254, Mark = 1 },
        "local by link" => Plain with { Table = 255, InputInterface = "veth0" },
        "default by source" => Plain with { Table = 253, Source = IPNetwork.Parse("10.91.1.2/32") },
        "nothing" => Plain with { Action = IpRuleAction.None },
        "own by table" => Plain with { InputInterface = "lo" },
        "own prohibited" => Refusing with { InputInterface = "lo" },
        "by mark" => Plain with { Mark = 0x10, Mask = 0x10 },
        "prohibit" => Refusing with { Source = IPNetwork.Parse("10.91.1.2/32") },
        "unreachable by mark" => Refusing with { Action = IpRuleAction.Unreachable, Mark = 0x10, Mask = 0x10 },
        "go to" => Refusing with { Action = IpRuleAction.GoTo, Target = 200 },
        "by source" => Plain with { Source = IPNetwork.Parse("10.91.1.2/32") },
        "by link" => Plain with { InputInterface = "veth0" },
        "for all" => Plain,
        "VRF" => Plain with { Table = 0, IsOfVirtualRouters = true },
        "not by mark" => Plain with { Mark = 0x10, Mask = 0x10, Invert = true },
        "by no mark" => Plain with { Mask = 0x10 },
        "not own" => Plain with { InputInterface = "lo", Invert = true },
        "IPv6" => Plain with { Family = AddressFamily.InterNetworkV6 },
        _ => throw new ArgumentException(name),
    };
}
